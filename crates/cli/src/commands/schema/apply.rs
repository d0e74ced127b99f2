use std::io::{IsTerminal, Write};

use biplane_pipeline::schema::{self, Applied, Mode, Options, read_target};
use biplane_schema::{Outcome, Rename};
use biplane_stack::say;
use clap::Args;

use super::{Failed, Place};

/// Bring the database to snapshots/schema.yaml; keep what nobody committed.
#[derive(Debug, Args)]
pub struct Arguments {
    /// auto, dry-run or skip; else DIRECTUS_SCHEMA_APPLY_MODE, else dry-run for what would delete
    /// unless BIPLANE_ENV=production, and auto for the rest.
    #[arg(long)]
    mode: Option<Mode>,
    /// Take `collection.old=collection.new` for a rename that keeps its data.
    #[arg(long, value_name = "OLD=NEW")]
    rename: Vec<Rename>,
}

impl Arguments {
    pub(super) async fn run(self, place: &Place) -> Result<u8, Failed> {
        let (installation, mut database) = place.connect().await?;
        let target = read_target(&installation.files)?;
        let mut options = Options::from_environment(&installation.files)?;
        options.mode = self.mode.or(options.mode);
        options.renames = self.rename;
        let tell = |doing: &str| say(format_args!("{doing} …"));
        if options.renames.is_empty()
            && options.mode != Some(Mode::Skip)
            && std::io::stdin().is_terminal()
        {
            let plan =
                schema::plan(&installation, &database, &target, &options.approved.renames).await?;
            options.renames = plan.renames.into_iter().filter(yes).collect();
        }
        let applied = schema::apply(&installation, &mut database, &target, &options, &tell).await?;
        if let Applied::Done(plan, _) | Applied::Planned(plan) | Applied::Nothing(plan) = &applied {
            print!("{plan}");
        }
        println!("{applied}");
        match applied {
            Applied::Planned(plan) => {
                if plan.outcome() == Outcome::Changes && plan.is_destructive() {
                    println!("To apply what deletes: --mode auto; what goes is saved first.");
                }
                Ok(plan.outcome().exit_code())
            }
            Applied::Done(..) => {
                super::tell(&installation, &database).await;
                Ok(0)
            }
            _ => Ok(0),
        }
    }
}

/// Asks whether something that goes and something that comes are one.
fn yes(rename: &Rename) -> bool {
    eprint!(
        "{rename}: renamed? Its data is kept then, else it is deleted with the old name. [y/N] "
    );
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && answer.trim().eq_ignore_ascii_case("y")
}
