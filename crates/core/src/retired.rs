//! What was replaced while others were still reading it.

use std::sync::Arc;

/// Keeps what has been replaced until nobody reads it any more.
///
/// Whoever lets go of a large value last pays for freeing it: milliseconds for ten thousand fences.
/// That should be who replaces it, not who works with it.
#[derive(Debug)]
pub struct Retired<T>(Vec<Arc<T>>);

impl<T> Default for Retired<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Retired<T> {
    /// Takes what nobody will begin to read any more.
    pub fn keep(&mut self, replaced: Arc<T>) {
        self.0.push(replaced);
    }

    /// Gives out what nobody reads any more, to be dropped where that holds up no one.
    pub fn unread(&mut self) -> Vec<Arc<T>> {
        self.0.extract_if(.., |kept| Arc::strong_count(kept) == 1).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_reads_is_kept_until_they_let_go() {
        let (read, unread) = (Arc::new(1), Arc::new(2));
        let mut retired = Retired::default();
        retired.keep(Arc::clone(&read));
        retired.keep(unread);
        assert_eq!(retired.unread(), [Arc::new(2)]);
        assert_eq!(retired.unread(), []);
        drop(read);
        assert_eq!(retired.unread(), [Arc::new(1)]);
    }
}
