//! `biplane schema ci` on checkouts whose schema is not as it should be.

use std::path::{Path, PathBuf};

use biplane_pipeline::Files;
use biplane_pipeline::schema::ci::{Census, fill};
use biplane_pipeline::schema::{self, Applied, Options, read_target};
use biplane_schema::{Lineage, Snapshot};
use biplane_schema_tests::{Draft, Lab};
use biplane_stack::node::Node;
use biplane_stack::schema_ci::{self, Report};
use biplane_stack::{Layout, Progress};
use serde_json::{Value, json};

/// A checkout with a git repository of its own and the pipeline's SQL only.
struct Checkout(tempfile::TempDir);

impl Checkout {
    fn new() -> Self {
        let checkout = Self(tempfile::tempdir().expect("a temporary folder"));
        let (home, project) = (checkout.home(), project());
        for folder in ["snapshots", "db-init/always", ".biplane"] {
            std::fs::create_dir_all(home.join(folder)).expect("a folder");
        }
        std::fs::write(home.join("package.json"), "{}").expect("written");
        std::fs::write(home.join(".gitignore"), "node_modules\n.biplane\n").expect("written");
        for file in ["001_telemetry.sql", "002_schema_pipeline.sql", "always/050_schema_freeze.sql"]
        {
            let file = Path::new("db-init").join(file);
            std::fs::copy(project.join(&file), home.join(&file)).expect("copied");
        }
        for folder in ["node_modules", ".biplane/node"] {
            std::os::unix::fs::symlink(project.join(folder), home.join(folder)).expect("a link");
        }
        checkout
    }

    fn home(&self) -> &Path {
        self.0.path()
    }

    fn files(&self) -> Files {
        Files { home: self.home().to_owned() }
    }

    /// Writes a snapshot as the descendant of the one that is there.
    fn write(&self, snapshot: &Snapshot) {
        let files = self.files();
        std::fs::write(files.snapshot(), snapshot.to_yaml()).expect("written");
        let lineage = std::fs::read_to_string(files.lineage()).unwrap_or_default();
        let mut lineage: Lineage = lineage.parse().expect("a lineage");
        lineage.push(snapshot.hash());
        std::fs::write(files.lineage(), lineage.to_string()).expect("written");
    }

    fn git(&self, args: &[&str]) {
        let mut git = std::process::Command::new("git");
        git.args(["-c", "user.name=A", "-c", "user.email=a@example.com"]).args(args);
        assert!(git.current_dir(self.home()).status().expect("git").success(), "{args:?}");
    }

    fn commit(&self, subject: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", subject]);
    }

    async fn run(&self) -> Report {
        let layout = Layout::of_checkout(self.home(), None).expect("a checkout");
        let progress = Progress::default();
        let node = Node::ensure(&layout, &progress).await.expect("Node");
        schema_ci::run(&layout, &node, false, &progress)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("a path")
}

fn two_collections() -> Draft {
    Draft::default()
        .table("alpha")
        .column("alpha", "name", "string")
        .column("alpha", "weight", "decimal")
        .table("beta")
        .column("beta", "notes", "text")
        .points("beta", "alpha", "alpha")
}

/// What was found, a text for each: exit code, step, and what was said.
fn found(report: &Report) -> Vec<String> {
    let findings = report.findings();
    findings
        .map(|(step, finding)| format!("{} {step}: {}", finding.exit_code, finding.said.join("\n")))
        .collect()
}

#[tokio::test]
async fn a_snapshot_edited_by_hand_is_named_with_its_line() {
    let checkout = Checkout::new();
    checkout.write(&two_collections().read());
    let file = checkout.files().snapshot();
    let text = std::fs::read_to_string(&file).expect("the snapshot");
    let (one, other) = ("      hidden: false\n", "      icon: null\n");
    let both = format!("{one}{other}");
    let line = text[..text.find(&both).expect("both")].lines().count() + 1;
    // Another order, and a note that no lineage knows of.
    let edited = text.replacen(&both, &format!("{other}{one}"), 1);
    let edited = edited.replacen("      note: null\n", "      note: mine\n", 1);
    std::fs::write(&file, edited).expect("written");

    let report = checkout.run().await;
    let found = found(&report);
    assert_eq!(report.exit_code, 2, "{found:#?}");
    let [order, lineage] = found.as_slice() else { panic!("{found:#?}") };
    let said = format!(
        "the same schema, written otherwise; line {line} is `      icon: null` and would be `      hidden: false`"
    );
    assert!(order.starts_with("2 Snapshot of it: ") && order.contains(&said), "{order}");
    assert!(lineage.contains("snapshots/lineage ends with"), "{lineage}");
    let skipped = report.skipped.expect("a reason");
    assert!(skipped.contains("not a git repository"), "{skipped}");
    let left = std::fs::read_dir(std::env::temp_dir()).expect("a folder").flatten();
    let folder = report.steps.iter().find_map(|done| done.result.strip_prefix("throwaway, in "));
    let folder = folder.expect("a server").to_owned();
    assert!(!left.map(|entry| entry.path()).any(|path| path == Path::new(&folder)), "{folder}");
}

/// A checkout whose newest commit takes a collection away, and a type's digits.
fn with_a_loss() -> Checkout {
    let checkout = Checkout::new();
    checkout.git(&["init", "-q", "-b", "main"]);
    checkout.write(&two_collections().read());
    checkout.commit("Two collections");
    let narrowed = two_collections()
        .without("beta")
        .edit("alpha.weight", |field| field["schema"]["numeric_scale"] = 2.into());
    let narrowed =
        narrowed.edit("alpha.weight", |field| field["schema"]["numeric_precision"] = 10.into());
    checkout.write(&narrowed.read());
    checkout.commit("One collection");
    checkout
}

#[tokio::test]
async fn a_collection_that_goes_with_its_rows_is_refused_until_somebody_approves() {
    let checkout = with_a_loss();
    let report = checkout.run().await;
    let found = found(&report);
    assert_eq!(report.exit_code, 3, "{found:#?}");
    let [refused] = found.as_slice() else { panic!("{found:#?}") };
    assert!(refused.starts_with("3 Boot with this snapshot: "), "{refused}");
    for part in ["beta", "3 rows", "numeric(10,5) → numeric(10,2)", "biplane schema approve"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    let previous = report.previous.expect("a commit");
    assert!(previous.ends_with("(Two collections)"), "{previous}");
}

#[tokio::test]
async fn what_was_approved_goes_and_the_rest_stays() {
    let checkout = with_a_loss();
    let (files, target) = (checkout.files(), read_target(&checkout.files()).expect("a target"));
    let base = schema::previous(checkout.home(), target.snapshot.hash()).expect("a version");
    let (_, written) = schema::approve(&files, &target, &base.snapshot, &[]).expect("approved");
    assert!(written);
    checkout.commit("Approve it");

    let report = checkout.run().await;
    assert_eq!((report.exit_code, found(&report)), (0, Vec::new()));
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
    let applied = report.steps.iter().find(|done| done.step == "Boot with this snapshot");
    let applied = &applied.expect("a step").result;
    assert!(applied.contains("what went is in rescue 1"), "{applied}");
}

#[tokio::test]
async fn a_version_before_that_the_lineage_lacks_is_named() {
    let checkout = Checkout::new();
    checkout.git(&["init", "-q", "-b", "main"]);
    checkout.write(&two_collections().read());
    checkout.commit("Two collections");
    std::fs::remove_file(checkout.files().lineage()).expect("removed");
    checkout.write(&two_collections().without("beta").read());

    let report = checkout.run().await;
    let found = found(&report);
    assert_eq!(report.exit_code, 2, "{found:#?}");
    assert!(found[0].starts_with("2 Version before: snapshots/lineage lacks "), "{found:#?}");
    assert!(
        found.iter().any(|text| text.contains("collection beta: should not be there")),
        "{found:#?}"
    );
}

#[tokio::test]
async fn rows_and_values_that_go_unplanned_are_named() {
    let mut lab = Lab::new("census").await;
    let more = two_collections().column("alpha", "made", "date").column("alpha", "extra", "json");
    let cast = |field: &mut Value| field["meta"]["special"] = json!(["cast-json"]);
    lab.bake(&more.edit("alpha.extra", cast));
    lab.applied().await;
    let filled = fill(&lab.database).await.expect("filled");
    assert_eq!((filled.tables, filled.rows, filled.warnings), (2, 6, Vec::new()));
    assert_eq!(lab.number("SELECT count(alpha) FROM beta").await, 2);
    let before = Census::take(&lab.database).await.expect("counted");
    assert_eq!(
        (before.count("beta", None), before.count("beta", Some("notes"))),
        (Some(3), Some(2))
    );

    // Wider types hold the same values.
    lab.sql(
        "ALTER TABLE alpha ALTER weight TYPE numeric(20, 10), ALTER made TYPE timestamptz,
             ALTER extra TYPE jsonb, ALTER name TYPE text, ADD more integer",
    )
    .await;
    let lost = before.unplanned_losses(&lab.database, None).await.expect("compared");
    assert_eq!(lost, Vec::<String>::new());

    lab.sql(
        "UPDATE alpha SET weight = weight + 0.00001 WHERE id = 1; UPDATE alpha SET made = NULL WHERE id = 2;
         ALTER TABLE alpha DROP extra; DELETE FROM beta WHERE notes IS NULL",
    )
    .await;
    let lost = before.unplanned_losses(&lab.database, None).await.expect("compared");
    assert_eq!(
        lost,
        [
            "the column alpha.extra with 2 values",
            "alpha.made had 2 values and has 1",
            "alpha.weight has other values than before",
            "beta had 3 rows and has 2",
        ]
    );
    lab.sql("DROP TABLE beta").await;
    let lost = before.unplanned_losses(&lab.database, None).await.expect("compared");
    assert_eq!(lost.last().map(String::as_str), Some("the table beta with 3 rows"));

    lab.done().await;
}

#[tokio::test]
async fn losses_that_the_plan_names_are_none_of_the_census() {
    let mut lab = Lab::new("census_planned").await;
    lab.bake(&two_collections());
    lab.applied().await;
    fill(&lab.database).await.expect("filled");
    let before = Census::take(&lab.database).await.expect("counted");
    lab.bake(&two_collections().without("beta").without("alpha.weight"));
    let options = Options { mode: Some(schema::Mode::Auto), ..Options::default() };
    let applied = lab.apply_with(options).await.unwrap_or_else(|error| panic!("{error}"));
    let Applied::Done(plan, Some(_)) = applied else { panic!("{applied}") };
    let lost = before.unplanned_losses(&lab.database, Some(&plan)).await.expect("compared");
    assert_eq!(lost, Vec::<String>::new());
    assert!(!before.unplanned_losses(&lab.database, None).await.expect("compared").is_empty());
    lab.done().await;
}
