//! `biplane schema ci`: what a commit's schema would do to databases, tried on two that nobody
//! needs.

use std::path::Path;

use biplane_pipeline::schema::ci::{self, Census, Filled, Finding, as_in_production};
use biplane_pipeline::schema::{self, Commit, Mode, SchemaError, Target, Version, read_target};
use biplane_pipeline::{Files, Installation, boot};
use biplane_store::db_init::{self, Stage};
use serde::Serialize;
use tokio_postgres::Client;

use crate::node::Node;
use crate::throwaway::Throwaway;
use crate::{Layout, Progress, SetupError, Step};

/// What the dry run came to; as JSON for programs.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// 0 all is well; 2 the snapshot is not what comes of it; 3 a conflict, or refused; 1 an error.
    pub exit_code: u8,
    /// What was done, in order.
    pub steps: Vec<Done>,
    /// The commit whose snapshot the second database had before.
    pub previous: Option<String>,
    /// Why there was no second database.
    pub skipped: Option<String>,
    /// What was noticed and does not fail the run.
    pub warnings: Vec<String>,
    /// Where the databases are, when they are kept.
    pub kept: Option<String>,
}

/// A step of the dry run.
#[derive(Debug, Serialize)]
pub struct Done {
    /// What it was.
    pub step: &'static str,
    /// How long it took.
    pub seconds: f64,
    /// What came of it, in a line: the first of what is wrong, where something is.
    pub result: String,
    /// What is wrong; nothing when all is well.
    pub findings: Vec<Finding>,
}

impl Report {
    /// What is wrong, of all steps.
    pub fn findings(&self) -> impl Iterator<Item = (&'static str, &Finding)> {
        self.steps.iter().flat_map(|done| done.findings.iter().map(|finding| (done.step, finding)))
    }

    /// Shows how a step ended, and remembers it.
    fn end(
        &mut self,
        name: &'static str,
        step: Step,
        result: impl Into<String>,
        findings: Vec<Finding>,
    ) {
        let said = findings.first().and_then(|finding| finding.said.first());
        let result = said.cloned().unwrap_or_else(|| result.into());
        let seconds = (step.elapsed().as_secs_f64() * 10.0).round() / 10.0;
        // An error outweighs a refusal, and that a difference.
        let weight = |code: u8| [0, 3, 1, 2].get(usize::from(code)).copied().unwrap_or(3);
        for finding in &findings {
            if weight(finding.exit_code) > weight(self.exit_code) {
                self.exit_code = finding.exit_code;
            }
        }
        if findings.is_empty() {
            step.done(&result);
        } else {
            step.failed(&result);
        }
        self.steps.push(Done { step: name, seconds, result, findings });
    }

    /// The same for a step that can fail; what it came to, when it did not.
    fn ended<T>(
        &mut self,
        name: &'static str,
        step: Step,
        outcome: Result<(T, String, Vec<Finding>), Finding>,
    ) -> Option<T> {
        match outcome {
            Ok((value, result, findings)) => {
                self.end(name, step, result, findings);
                Some(value)
            }
            Err(finding) => {
                self.end(name, step, "failed", vec![finding]);
                None
            }
        }
    }
}

/// Runs it: an error is what kept it from beginning.
pub async fn run(
    layout: &Layout,
    node: &Node,
    keep: bool,
    progress: &Progress,
) -> Result<Report, SetupError> {
    let mut report = Report::default();
    let files = Files { home: layout.project.clone() };
    const SNAPSHOT: &str = "Snapshot";
    let step = progress.step(SNAPSHOT);
    let read = read_target(&files).and_then(|target| Ok((target, as_in_production(&files)?))).map(
        |read| {
            let hash = read.0.snapshot.hash();
            (read, format!("snapshots/schema.yaml, {hash}"), Vec::new())
        },
    );
    let Some((target, options)) = report.ended(SNAPSHOT, step, read.map_err(Finding::from)) else {
        return Ok(report);
    };

    const SERVER: &str = "PostgreSQL";
    let step = progress.step(SERVER);
    let throwaway = Throwaway::start(layout, node, keep, &step).await?;
    let folder = throwaway.folder().display().to_string();
    report.end(SERVER, step, format!("throwaway, in {folder}"), Vec::new());
    report.kept = keep.then_some(folder);

    let work = Work { throwaway: &throwaway, files, target, options, progress };
    let outcome = async {
        if work.boot_from_nothing(&mut report).await? {
            work.apply_on_top(&mut report).await?;
        }
        Ok(())
    }
    .await;
    throwaway.end().await;
    outcome.map(|()| report)
}

struct Work<'a> {
    throwaway: &'a Throwaway,
    files: Files,
    target: Target,
    options: schema::Options,
    progress: &'a Progress,
}

impl Work<'_> {
    /// A database that had nothing; whether it came up.
    async fn boot_from_nothing(&self, report: &mut Report) -> Result<bool, SetupError> {
        let home = self.files.home.clone();
        let installation = self.throwaway.installation("from_nothing", home).await?;

        const BOOT: &str = "Boot from nothing";
        let step = self.progress.step(BOOT);
        let booted = boot(&installation, &self.options, &step).await;
        let booted = booted.map(|booted| {
            let result = booted.schema.to_string();
            (booted.database, result, Vec::new())
        });
        let Some(mut database) = report.ended(BOOT, step, booted) else { return Ok(false) };

        const AGAIN: &str = "Apply again";
        let step = self.progress.step(AGAIN);
        let say = |doing: &str| step.note(doing);
        let found =
            ci::apply_again(&installation, &mut database, &self.target, &self.options, &say).await;
        let found = found.map(|found| ((), "nothing to do".into(), found));
        report.ended(AGAIN, step, found.map_err(Finding::from));

        const COMPARE: &str = "Snapshot of it";
        let step = self.progress.step(COMPARE);
        let found = ci::compare(&installation, &self.target).await;
        let found = found
            .map(|found| ((), "the file, byte for byte; the lineage ends with it".into(), found));
        report.ended(COMPARE, step, found.map_err(Finding::from));
        Ok(true)
    }

    /// A database that had the version before, with rows in every table.
    async fn apply_on_top(&self, report: &mut Report) -> Result<(), SetupError> {
        const PREVIOUS: &str = "Version before";
        let step = self.progress.step(PREVIOUS);
        let version = match schema::previous(&self.files.home, self.target.snapshot.hash()) {
            Ok(version) => version,
            Err(why) => {
                report.end(PREVIOUS, step, format!("skipped: {why}"), Vec::new());
                report.skipped = Some(why.to_string());
                return Ok(());
            }
        };
        let Version { commit, snapshot, passed_over } = version;
        report.warnings.extend(passed_over);
        report.previous = Some(commit.to_string());
        report.end(PREVIOUS, step, commit.to_string(), self.ancestry(&commit, &snapshot));

        const BOOT: &str = "Boot the version before";
        let step = self.progress.step(BOOT);
        let home = self.throwaway.folder().join("version-before");
        lay_out(&home, &snapshot)
            .map_err(|error| SetupError::new(BOOT, format!("{}: {error}", home.display())))?;
        // Only the SQL that comes before Directus: the rest may speak of tables that this lacks.
        db_init::copy(&self.files.db_init(), &home.join("db-init"), Stage::BeforeDirectus)
            .map_err(|error| SetupError::new(BOOT, error))?;
        let mut installation = self.throwaway.installation("version_before", home).await?;
        let auto = schema::Options { mode: Some(Mode::Auto), ..schema::Options::default() };
        let booted = boot(&installation, &auto, &step).await;
        let booted = booted.map(|booted| {
            let result = booted.schema.to_string();
            (booted.database, result, Vec::new())
        });
        let Some(mut database) = report.ended(BOOT, step, booted) else { return Ok(()) };

        const ROWS: &str = "Rows in every table";
        let step = self.progress.step(ROWS);
        let filled = self.fill(&mut database).await;
        let filled = filled.map(|(census, filled)| {
            let Filled { tables, rows, warnings } = filled;
            let result = format!("{rows} rows in {tables} tables, {} columns", census.columns());
            ((census, warnings), result, Vec::new())
        });
        let filled = report.ended(ROWS, step, filled.map_err(Finding::from));
        let Some((census, warnings)) = filled else { return Ok(()) };
        report.warnings.extend(warnings);
        // Its lock is taken by the boot that follows.
        drop(database);

        const APPLY: &str = "Boot with this snapshot";
        let step = self.progress.step(APPLY);
        installation.files = self.files.clone();
        let booted = boot(&installation, &self.options, &step).await;
        let booted = booted.map(|booted| {
            let result = booted.schema.to_string();
            (booted, result, Vec::new())
        });
        let Some(booted) = report.ended(APPLY, step, booted) else { return Ok(()) };

        const LOOK: &str = "What became of the rows";
        let step = self.progress.step(LOOK);
        let found = ci::look_after(
            &installation,
            &booted.database,
            &self.target,
            &self.options,
            &census,
            &booted.schema,
        )
        .await;
        let result = "nothing lost but what the plan names; the schema is the snapshot's";
        let found = found.map(|found| ((), result.into(), found));
        report.ended(LOOK, step, found.map_err(Finding::from));
        Ok(())
    }

    /// A database with that version must be known for an ancestor, else nothing is deleted there.
    fn ancestry(&self, commit: &Commit, snapshot: &biplane_schema::Snapshot) -> Vec<Finding> {
        let hash = snapshot.hash();
        if self.target.lineage.contains(&hash) {
            return Vec::new();
        }
        let why = format!(
            "snapshots/lineage lacks {hash}, the snapshot of {commit}: a database with that one would take this snapshot for a stranger's, and keep what it should lose; `biplane schema snapshot` after an apply adds it"
        );
        vec![Finding::new(2, [why])]
    }

    /// Fills it and counts; then comes what `db-init` does beside Directus, as far as it finds its
    /// tables in that version.
    async fn fill(&self, database: &mut Client) -> Result<(Census, Filled), SchemaError> {
        let mut filled = ci::fill(database).await?;
        let folder = self.files.db_init();
        let left_out = match db_init::apply_possible(database, &folder, Stage::AfterDirectus).await
        {
            Ok(left_out) => left_out,
            Err(error) => vec![error],
        };
        let told = |error| format!("{error}; with the version before it is left out");
        filled.warnings.extend(left_out.into_iter().map(told));
        Ok((Census::take(database).await?, filled))
    }
}

async fn boot(
    installation: &Installation,
    options: &schema::Options,
    step: &Step,
) -> Result<boot::Booted, Finding> {
    let options = boot::Options { schema: options.clone(), ..boot::Options::default() };
    let booted = boot::prepare(installation, &options, &|line| step.note(line)).await;
    booted.map_err(|error| {
        Finding::new(error.exit_code(), error.to_string().lines().map(str::to_owned))
    })
}

/// A folder like a checkout's, with this snapshot.
fn lay_out(home: &Path, snapshot: &biplane_schema::Snapshot) -> std::io::Result<()> {
    let laid = Files { home: home.to_owned() };
    std::fs::create_dir_all(home.join("snapshots"))?;
    std::fs::write(laid.snapshot(), snapshot.to_yaml())?;
    std::fs::write(laid.lineage(), format!("{}\n", snapshot.hash()))
}
