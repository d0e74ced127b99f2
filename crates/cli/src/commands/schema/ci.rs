use biplane_stack::node::Node;
use biplane_stack::schema_ci::{self, Report};
use biplane_stack::{Layout, Progress, SetupError, packages, say};
use clap::Args;

use super::{Failed, Place};
use crate::signals::asked_to_stop;

/// Try this checkout's schema on databases that nobody needs.
///
/// Starts a PostgreSQL of its own, boots a database from nothing as a container does, applies the
/// snapshot again (which must do nothing), takes a snapshot and holds it against the file, byte for
/// byte. Then the newest version in git that is another schema gets a database with rows in every
/// table, and this snapshot is applied on top as in production: whatever the plan does not name as
/// lost must still be there, and what it does name must be approved in snapshots/approved.
/// No running Biplane is touched; the server and its files are gone afterwards.
///
/// Exit codes: 0 all is well; 2 the snapshot is not what comes of applying it; 3 a conflict, or a
/// loss that nobody approved; 1 an error, or something lost.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Keep the server's files, and say where they are.
    #[arg(long)]
    keep: bool,
    /// Print a report as JSON.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) async fn run(self, place: &Place) -> Result<u8, Failed> {
        let layout = Layout::of_checkout(&place.start, place.data.clone())?;
        let report = tokio::select! {
            report = self.report(&layout) => report?,
            signal = asked_to_stop() => {
                return Err(SetupError::new("Schema", format!("{}: stopped half-way", signal.name)).into());
            }
        };
        if self.json {
            println!("{:#}", serde_json::json!(report));
        } else {
            tell(&report);
        }
        Ok(report.exit_code)
    }

    async fn report(&self, layout: &Layout) -> Result<Report, SetupError> {
        let progress = Progress::default();
        packages::ensure(layout, &progress, false).await?;
        let node = Node::ensure(layout, &progress).await?;
        node.ensure_packages(layout, &progress).await?;
        schema_ci::run(layout, &node, self.keep, &progress).await
    }
}

fn tell(report: &Report) {
    for (step, finding) in report.findings() {
        println!("\n{step}:");
        for line in &finding.said {
            println!("  {line}");
        }
    }
    for warning in &report.warnings {
        say(format_args!("warning: {warning}"));
    }
    if let Some(folder) = &report.kept {
        say(format_args!("The databases are kept in {folder}."));
    }
    let seconds: f64 = report.steps.iter().map(|done| done.seconds).sum();
    let wrong = report.findings().count();
    let before = match (&report.previous, &report.skipped) {
        (Some(commit), _) => format!("; on top of {commit}"),
        (None, Some(why)) => format!("; not tried on top of another version: {why}"),
        (None, None) => String::new(),
    };
    match wrong {
        0 => println!("\nThe schema holds{before}. {seconds:.0} s."),
        1 => println!("\n1 finding{before}. {seconds:.0} s."),
        _ => println!("\n{wrong} findings{before}. {seconds:.0} s."),
    }
}
