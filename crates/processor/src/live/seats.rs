//! How many connections one user has.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use super::session::UserId;

/// Counts connections by user.
pub struct Seats {
    each: usize,
    taken: Arc<Mutex<HashMap<UserId, usize>>>,
}

/// One connection of a user, for as long as it lasts.
pub struct Seat {
    user: UserId,
    taken: Arc<Mutex<HashMap<UserId, usize>>>,
}

impl Seats {
    /// So many for each user.
    pub fn new(each: usize) -> Self {
        Self { each, taken: Arc::default() }
    }

    /// One more for this user, if there is one.
    pub fn take(&self, user: UserId) -> Option<Seat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(user).or_default();
        if *count >= self.each {
            return None;
        }
        *count += 1;
        Some(Seat { user, taken: Arc::clone(&self.taken) })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = taken.entry(self.user) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_that_is_given_back_can_be_taken_again() {
        let (seats, user) = (Seats::new(2), UserId::from_u128(1));
        let first = seats.take(user);
        let second = seats.take(user);
        assert!(first.is_some() && second.is_some() && seats.take(user).is_none());
        assert!(seats.take(UserId::from_u128(2)).is_some(), "another user has seats of its own");
        drop(first);
        assert!(seats.take(user).is_some());
    }
}
