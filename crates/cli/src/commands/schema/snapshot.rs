use biplane_pipeline::schema::{check, take};
use clap::Args;

use super::{Failed, Place};

/// Write the running schema to snapshots/schema.yaml and extend its lineage.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Write nothing; say whether the running schema differs from the file (exit code 2).
    #[arg(long)]
    check: bool,
    /// Write over a file that was never applied to this database.
    #[arg(long, conflicts_with = "check")]
    force: bool,
}

impl Arguments {
    pub(super) async fn run(self, place: &Place) -> Result<u8, Failed> {
        let (installation, database) = place.connect().await?;
        if self.check {
            let differences = check(&installation).await?;
            for line in &differences {
                println!("{line}");
            }
            return Ok(match differences.len() {
                0 => {
                    println!("The running schema is what snapshots/schema.yaml says.");
                    0
                }
                count => {
                    println!(
                        "\n{count} difference{}. If meant: `biplane schema snapshot`, then commit.",
                        if count == 1 { "" } else { "s" }
                    );
                    2
                }
            });
        }
        let taken = take(&installation, &database, self.force).await?;
        let [collections, fields, relations] = taken.counts;
        let path = installation.files.snapshot();
        println!(
            "{}: {collections} collections, {fields} fields, {relations} relations, {}",
            path.display(),
            if taken.changed { "written" } else { "unchanged" }
        );
        if taken.changed {
            println!("Now commit snapshots/; until then, rebuild nothing.");
        }
        Ok(0)
    }
}
