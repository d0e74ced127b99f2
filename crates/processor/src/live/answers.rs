//! Answers of Directus that are still good: many clients of one user ask the same at the same time,
//! above all when all of them come back at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::session::{Answer, Question};

/// With [`super::SessionRules::refresh`], what is shown was asked for within the last minute.
const KEPT: Duration = Duration::from_secs(10);
/// So many answers at a time; beyond them everyone asks for himself.
const MOST: usize = 4_096;

/// Answers by question, each for some seconds, until they are forgotten.
#[derive(Default)]
pub struct Answers {
    kept: Mutex<HashMap<Question, Kept>>,
}

#[derive(Clone)]
struct Kept {
    since: Instant,
    answer: Arc<OnceCell<Answer>>,
}

impl Answers {
    /// The answer that is kept, or that which `ask` gets; who asks while it is being asked waits
    /// for the same. A refusal is kept for nobody who comes later.
    pub async fn get<F>(&self, question: &Question, ask: impl FnOnce() -> F) -> Answer
    where
        F: Future<Output = Answer>,
    {
        let Some(kept) = self.find(question) else { return ask().await };
        let answer = kept.answer.get_or_init(ask).await.clone();
        if matches!(answer, Answer::User(Err(_)) | Answer::Topic(Err(_))) {
            self.forget(question, &kept);
        }
        answer
    }

    /// Forgets all of them, also those that are being asked for: who asks from now on asks anew.
    pub fn forget_all(&self) {
        self.lock().clear();
    }

    fn find(&self, question: &Question) -> Option<Kept> {
        let mut all = self.lock();
        if let Some(kept) = all.get(question)
            && kept.since.elapsed() < KEPT
        {
            return Some(kept.clone());
        }
        if all.len() >= MOST {
            all.retain(|_, kept| kept.since.elapsed() < KEPT);
        }
        if all.len() >= MOST {
            return None;
        }
        let kept = Kept { since: Instant::now(), answer: Arc::default() };
        all.insert(question.clone(), kept.clone());
        Some(kept)
    }

    fn forget(&self, question: &Question, this: &Kept) {
        let mut all = self.lock();
        if all.get(question).is_some_and(|kept| Arc::ptr_eq(&kept.answer, &this.answer)) {
            all.remove(question);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Question, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    use super::super::session::{Refusal, UserId};
    use super::super::token::Token;
    use super::*;

    fn question(token: &str) -> Question {
        Question::User(Token::new(token))
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_the_same_at_the_same_time_asks_once_and_again_after_a_while() {
        let (answers, asked) = (Answers::default(), AtomicU32::new(0));
        let ask = async |token: &str| {
            let ask = async || {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Answer::User(Ok(UserId::from_u128(asked.fetch_add(1, SeqCst).into())))
            };
            answers.get(&question(token), ask).await
        };
        let (first, second, other) = tokio::join!(ask("a"), ask("a"), ask("b"));
        assert_eq!((first == second, first == other, asked.load(SeqCst)), (true, false, 2));
        tokio::time::advance(KEPT).await;
        assert_ne!(ask("a").await, first);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_forgotten_while_it_is_asked_for_is_asked_for_again() {
        let (answers, asked) = (Answers::default(), AtomicU32::new(0));
        let ask = async || {
            let ask = async || {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Answer::User(Ok(UserId::from_u128(asked.fetch_add(1, SeqCst).into())))
            };
            answers.get(&question("a"), ask).await
        };
        let later = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            answers.forget_all();
            ask().await
        };
        let (before, after) = tokio::join!(ask(), later);
        assert_ne!(before, after);
        assert_eq!(ask().await, after);
    }

    #[tokio::test]
    async fn a_refusal_is_kept_for_nobody() {
        let answers = Answers::default();
        let refused = async || Answer::User(Err(Refusal::Away));
        assert_eq!(answers.get(&question("a"), refused).await, Answer::User(Err(Refusal::Away)));
        let granted = async || Answer::User(Ok(UserId::from_u128(1)));
        assert_eq!(answers.get(&question("a"), granted).await, granted().await);
    }
}
