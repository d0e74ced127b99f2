//! Biplane's PostgreSQL: what Directus does not manage, and how the processor reads and writes.

mod alerts;
mod batch;
mod connection;
mod copy;
pub mod db_init;
mod history;
mod live_events;
mod motion;
mod notices;
mod open_commands;
mod previews;
mod setup_reader;
mod state_reader;
mod upkeep;
mod violations;
mod visits;
mod writer;

pub use alerts::{AlertWriter, DuplicateImei, WriteAlertError};
pub use batch::{Batch, Claim, Received, Status};
pub use connection::{ConnectError, Notices, connect};
pub use history::{Beginning, Correction, History, HistoryError, Order};
pub use live_events::{
    Happened, LastKnown, LiveEventError, LiveEvents, LivePast, PastError, Whose,
};
pub use notices::{Notice, NoticeError, NoticeKind, NoticeQueue};
pub use open_commands::{OpenCommand, OpenCommands, OpenCommandsError};
pub use previews::{Preview, Supposed};
pub use setup_reader::{ReadSetupError, SetupReader};
pub use state_reader::{DeviceState, ReadStateError, StateReader};
pub use upkeep::{Compression, Retention, Upkeep, UpkeepError, Upkept};
pub use writer::{Counts, Silence, WriteError, Writer};
