//! How an order gets from its lane to the connection that holds the device.

use std::sync::{Arc, Mutex};

use biplane_bus::Outcome;
use biplane_core::Timestamp;
use tokio::sync::{Notify, oneshot};

/// An order that is claimed: a connection writes it and says what became of it. One that is dropped
/// without a word counts as [`Outcome::Unknown`].
pub(crate) struct Job {
    pub text: String,
    pub expires_at: Timestamp,
    pub answers: bool,
    /// Told when the last byte was written.
    pub written: oneshot::Sender<Timestamp>,
    pub done: oneshot::Sender<Done>,
}

/// What became of a job, and the device's answer or the reason.
pub(crate) type Done = (Outcome, Option<String>);

impl Job {
    /// Nobody may be waiting any more: then the gateway stops.
    pub(crate) fn end(self, outcome: Outcome, text: Option<String>) {
        let _ = self.done.send((outcome, text));
    }
}

/// Room for one job: smaller than a channel, since each connection has one, and most never get any.
#[derive(Default)]
struct Mailbox {
    contents: Mutex<Contents>,
    changed: Notify,
}

#[derive(Default)]
struct Contents {
    job: Option<Box<Job>>,
    closed: bool,
}

impl Mailbox {
    fn contents(&self) -> std::sync::MutexGuard<'_, Contents> {
        self.contents.lock().expect("nobody panics holding it")
    }

    /// Nobody has looked at what is still in it: nothing of it was written.
    fn close(&self) {
        let mut contents = self.contents();
        contents.closed = true;
        if let Some(job) = contents.job.take() {
            job.end(Outcome::Away, None);
        }
        drop(contents);
        self.changed.notify_one();
    }
}

/// Where jobs are put in. Dropped when the device is held elsewhere; that ends its connection.
pub(crate) struct Slot(Arc<Mailbox>);

/// Where a connection takes them out.
pub(crate) struct Jobs(Arc<Mailbox>);

/// Another connection has the device.
#[derive(Debug)]
pub(crate) struct TakenOver;

pub(crate) fn mailbox() -> (Slot, Jobs) {
    let mailbox = Arc::<Mailbox>::default();
    (Slot(mailbox.clone()), Jobs(mailbox))
}

impl Slot {
    /// Gives the job back where there is no room, or nobody to take it.
    pub(crate) fn put(&self, job: Box<Job>) -> Result<(), Box<Job>> {
        let mut contents = self.0.contents();
        if contents.closed || contents.job.is_some() {
            return Err(job);
        }
        contents.job = Some(job);
        drop(contents);
        self.0.changed.notify_one();
        Ok(())
    }
}

impl Jobs {
    /// The next job, if one is wanted; returns, too, when the device is held elsewhere.
    pub(crate) async fn next(&mut self, wanted: bool) -> Result<Box<Job>, TakenOver> {
        loop {
            {
                let mut contents = self.0.contents();
                if contents.closed {
                    return Err(TakenOver);
                }
                if let Some(job) = contents.job.take_if(|_| wanted) {
                    return Ok(job);
                }
            }
            self.0.changed.notified().await;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> (Box<Job>, oneshot::Receiver<Done>) {
        let (done, told) = oneshot::channel();
        let text = "getinfo".to_owned();
        let (expires_at, written) = (Timestamp::default(), oneshot::channel().0);
        (Box::new(Job { text, expires_at, answers: true, written, done }), told)
    }

    #[tokio::test]
    async fn a_job_nobody_looked_at_is_away_and_one_that_was_taken_and_dropped_is_unknown() {
        for gone in ["slot", "jobs"] {
            let (slot, jobs) = mailbox();
            let (untouched, told) = job();
            assert!(slot.put(untouched).is_ok());
            assert!(slot.put(job().0).is_err(), "there is room for one");
            if gone == "slot" {
                drop(slot)
            } else {
                drop(jobs)
            }
            assert_eq!(told.await, Ok((Outcome::Away, None)), "{gone}");
        }
        let (slot, mut jobs) = mailbox();
        let (taken, told) = job();
        assert!(slot.put(taken).is_ok());
        drop(jobs.next(true).await.expect("a job"));
        assert!(told.await.is_err());
        drop(slot);
        assert!(jobs.next(false).await.is_err());
    }
}
