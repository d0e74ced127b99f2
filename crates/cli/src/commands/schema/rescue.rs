use biplane_pipeline::schema;
use biplane_stack::say;
use clap::{Args, Subcommand};

use super::{Failed, Place};

/// List, show and bring back what schema changes took away.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Every backup: when, why, how many rows, how large.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// What is in one.
    Show {
        /// Its number.
        id: i64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Bring its collections, fields, relations, rows, permissions and presets back.
    Restore {
        /// Its number.
        id: i64,
    },
    /// Forget what is neither among the newest nor young.
    Prune {
        /// How many to keep at least.
        #[arg(long, default_value_t = 20)]
        keep: i64,
        /// How many days to keep each at least.
        #[arg(long, default_value_t = 90)]
        days: i32,
    },
}

impl Arguments {
    pub(super) async fn run(self, place: &Place) -> Result<u8, Failed> {
        let (installation, mut database) = place.connect().await?;
        match self.command {
            Command::List { json } => {
                let rescues = schema::rescues(&database).await?;
                if json {
                    println!("{:#}", serde_json::json!(rescues));
                    return Ok(0);
                }
                if rescues.is_empty() {
                    println!("No schema change took anything away yet.");
                }
                for rescue in rescues {
                    println!(
                        "{:>4}  {}  {:8}  {:>9} rows  {:>9}  {}",
                        rescue.id,
                        rescue.taken_at,
                        rescue.state,
                        rescue.rows,
                        size(rescue.bytes),
                        rescue.reason
                    );
                }
            }
            Command::Show { id, json } => {
                let rescue = schema::rescue(&database, id).await?;
                if json {
                    println!("{:#}", serde_json::json!(rescue));
                    return Ok(0);
                }
                println!("rescue {id}, {}, {}: {}", rescue.taken_at, rescue.state, rescue.reason);
                for part in &rescue.parts {
                    let name = match &part.field {
                        Some(field) => format!("{}.{field}", part.collection),
                        None => part.collection.clone(),
                    };
                    println!("  {:8}  {name:40}  {:>9} rows", part.kind, part.rows);
                }
                println!(
                    "{} in all. Bring it back: biplane schema rescue restore {id}",
                    size(rescue.bytes)
                );
            }
            Command::Restore { id } => {
                let tell = |doing: &str| say(format_args!("{doing} …"));
                let restored = schema::restore(&installation, &mut database, id, &tell).await?;
                super::tell(&installation, &database).await;
                println!(
                    "Rescue {id} is back: {} rows and values. It is uncommitted work now: `biplane schema snapshot`, then commit.",
                    restored.back
                );
                if restored.left > 0 {
                    println!(
                        "{} more were left out: their rows were deleted or have been written since. They stay in the rescue.",
                        restored.left
                    );
                }
            }
            Command::Prune { keep, days } => {
                let count = schema::prune(&database, keep, days).await?;
                println!("{count} forgotten.");
            }
        }
        Ok(0)
    }
}

fn size(bytes: i64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}
