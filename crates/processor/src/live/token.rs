//! What can be known of a Directus token without its secret: when it ends.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use biplane_core::Timestamp;
use serde::Deserialize;

/// A client's Directus token. Never printed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Token(Arc<str>);

impl Token {
    /// As the client sent it.
    pub fn new(token: &str) -> Self {
        Self(token.into())
    }

    /// For the `Authorization` header.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The claim `exp`, unverified: Directus says whether the token is good,
    /// and a forged end only shortens what Directus granted, since Directus
    /// refuses a token whose signature does not fit.
    ///
    /// `None` for a static token, which is no JWT.
    pub fn expires_at(&self) -> Option<Timestamp> {
        #[derive(Deserialize)]
        struct Claims {
            exp: f64,
        }
        let mut parts = self.0.split('.');
        let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        let claims: Claims = serde_json::from_slice(&payload).ok()?;
        claims.exp.is_finite().then(|| Timestamp::from_millis((claims.exp * 1000.0) as i64))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_jwt_is_read_without_its_secret() {
        // Payload: {"id":"x","exp":1600000000}
        let token = Token::new("eyJhbGciOiJIUzI1NiJ9.eyJpZCI6IngiLCJleHAiOjE2MDAwMDAwMDB9.c2ln");
        assert_eq!(token.expires_at(), Some(Timestamp::from_millis(1_600_000_000_000)));
    }

    #[test]
    fn a_static_token_and_a_broken_jwt_have_no_end() {
        for text in ["", "abcdef", "a.b", "a.b.c", "a.e30.c", "a.eyJleHAiOjE2MDAwMDAwMDB9.c.d"] {
            assert_eq!(Token::new(text).expires_at(), None, "{text}");
        }
    }

    #[test]
    fn a_token_is_never_printed() {
        assert!(!format!("{:?}", Token::new("secret")).contains("secret"));
    }
}
