//! An administrator's access token for whoever holds Directus's secret and the database.
//!
//! At boot nobody is there to log in, and the administrator may have changed the password. Directus
//! takes what is signed with its `SECRET` (`api/src/utils/jwt.ts`, HS256), and asks the database
//! what the user and role in it may do.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use biplane_core::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use tokio_postgres::Client as Database;

/// How long a token of [`admin_token`] is good, in milliseconds.
pub const ADMIN_TOKEN_LIFE: i64 = 5 * 60_000;

/// A user who may do everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminUser {
    /// Its id.
    pub user: String,
    /// Its role, which it may be without.
    pub role: Option<String>,
}

/// Signs an access token of `user` that ends [`ADMIN_TOKEN_LIFE`] after `now`.
pub fn admin_token(secret: &str, user: &str, role: Option<&str>, now: Timestamp) -> String {
    let issued = now.as_millis().div_euclid(1000);
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    let payload = json!({
        "id": user,
        "role": role,
        "app_access": true,
        "admin_access": true,
        "iat": issued,
        "exp": issued + ADMIN_TOKEN_LIFE / 1000,
        "iss": "directus",
    });
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(payload));
    let mut signature =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    signature.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.finalize().into_bytes()))
}

/// An active user whom a policy makes an administrator: its own, its role's, or that of a role above
/// it. The one with the lowest id; `None` where there is none.
///
/// Policies that are bound to addresses don't count: they need not hold for us.
pub async fn admin_user(database: &Database) -> Result<Option<AdminUser>, tokio_postgres::Error> {
    let row = database
        .query_opt(
            "WITH RECURSIVE granted AS (
                 SELECT a.role, a.\"user\"
                 FROM directus_access a JOIN directus_policies p ON p.id = a.policy
                 WHERE p.admin_access AND coalesce(p.ip_access, '') = ''
             ), admin_roles AS (
                 SELECT role FROM granted WHERE role IS NOT NULL
                 UNION
                 SELECT r.id FROM directus_roles r JOIN admin_roles a ON r.parent = a.role
             )
             SELECT u.id::text, u.role::text
             FROM directus_users u
             WHERE u.status = 'active'
               AND (u.role IN (SELECT role FROM admin_roles)
                    OR u.id IN (SELECT \"user\" FROM granted WHERE \"user\" IS NOT NULL))
             ORDER BY u.id
             LIMIT 1",
            &[],
        )
        .await?;
    Ok(row.map(|row| AdminUser { user: row.get(0), role: row.get(1) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_signed_as_openssl_signs_it_and_ends_after_five_minutes() {
        let now = Timestamp::from_millis(1_700_000_000_999);
        let token = admin_token("a secret", "u", None, now);
        let parts: Vec<&str> = token.split('.').collect();
        let decoded = |part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url");
            serde_json::from_slice::<serde_json::Value>(&bytes).expect("JSON")
        };
        assert_eq!(decoded(parts[0]), json!({ "alg": "HS256", "typ": "JWT" }));
        assert_eq!(
            decoded(parts[1]),
            json!({ "id": "u", "role": null, "app_access": true, "admin_access": true,
                    "iat": 1_700_000_000, "exp": 1_700_000_300, "iss": "directus" })
        );
        // By another implementation: printf %s "${token%.*}" |
        // openssl dgst -sha256 -hmac 'a secret' -binary | basenc --base64url
        assert_eq!(parts[2], "K8jwFK33kQKwrsjbltX5K5nIgZco9TOCoBdfpdu-exM");
    }
}
