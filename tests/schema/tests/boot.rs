//! `biplane boot`: interrupted, doubled, refused, and gone through with.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::time::{Duration, Instant};

use biplane_pipeline::configuration;
use biplane_schema_tests::{Boot, Draft, Ended, Lab, stack};
use biplane_stack::Description;
use serde_json::{Value, json};

const ROLE: &str = "7f3f2f0e-6d2c-4a8e-9a55-2f8f3f5f0c01";
const POLICY: &str = "7f3f2f0e-6d2c-4a8e-9a55-2f8f3f5f0c02";
const ACCESS: &str = "7f3f2f0e-6d2c-4a8e-9a55-2f8f3f5f0c03";

/// As compose.yaml has it.
const AUTO: [(&str, &str); 1] = [("DIRECTUS_SCHEMA_APPLY_MODE", "auto")];

fn draft() -> Draft {
    Draft::default()
        .table("clubs")
        .column("clubs", "name", "string")
        .table("boats")
        .column("boats", "sail", "string")
        .points("boats", "club", "clubs")
}

/// A role with a policy in `config/`, and one permission on a collection of the snapshot.
fn configure(lab: &Lab, stack: &Description) {
    let files = std::fs::read_dir(stack.project.join("config")).unwrap();
    let folder = lab.home().join("config");
    for name in files.map(|file| file.unwrap().file_name()) {
        if name.to_string_lossy().ends_with(".json") {
            std::fs::write(folder.join(name), "[]").unwrap();
        }
    }
    let write = |name: &str, items: Value| {
        std::fs::write(folder.join(format!("directus_{name}.json")), items.to_string()).unwrap();
    };
    write("roles", json!([{ "id": ROLE, "name": "Sailor" }]));
    write("policies", json!([{ "id": POLICY, "name": "Sails", "app_access": true }]));
    write("access", json!([{ "id": ACCESS, "role": ROLE, "policy": POLICY }]));
    write(
        "permissions",
        json!([{ "id": 4711, "policy": POLICY, "collection": "boats", "action": "read", "fields": ["*"] }]),
    );
}

/// An image of the draft with configuration, before its first start.
async fn image(test: &str) -> Lab {
    let lab = Lab::empty(test).await;
    lab.bake(&draft());
    configure(&lab, &stack());
    lab
}

/// Boots to a Directus that answers and looks whether everything is there, once.
async fn boots_whole(lab: &Lab, draft: &Draft) -> String {
    let mut boot = lab.start_boot(&[], &AUTO);
    boot.answers().await;
    let admin = boot.admin(&stack()).await;
    for collection in ["clubs", "boats"] {
        admin.read(&format!("/items/{collection}")).await.unwrap();
    }
    let role = admin.read(&format!("/roles/{ROLE}")).await.unwrap();
    assert_eq!(role["name"], "Sailor");
    let said = boot.said();
    boot.stop().await;
    is_whole(lab, draft).await;
    said
}

async fn is_whole(lab: &Lab, draft: &Draft) {
    assert_eq!(lab.differs_from(draft).await, Vec::<String>::new());
    assert!(configuration::is_current(&lab.database, &lab.home().join("config")).await.unwrap());
    for (count, what) in [
        (1, "directus_users"),
        (1, "directus_policies WHERE admin_access"),
        (
            1,
            "directus_access a JOIN directus_policies p ON p.id = a.policy
             WHERE p.admin_access AND a.role IS NOT NULL",
        ),
        (1, "directus_permissions WHERE collection = 'boats'"),
        (4, "telemetry.configuration_base"),
        (0, "telemetry.schema_drops"),
        (0, "pg_trigger WHERE tgname = 'biplane_schema_freeze'"),
        (0, "telemetry.pipeline_state WHERE key = 'schema_stages' OR value = 'begun'"),
        (
            0,
            "pg_locks WHERE locktype = 'advisory'
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        ),
    ] {
        assert_eq!(lab.number(&format!("SELECT count(*) FROM {what}")).await, count, "{what}");
    }
    let sql = |folder: &Path| {
        let files = std::fs::read_dir(folder).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".sql")).count()
    };
    let folder = lab.installation.files.db_init();
    let files = lab.number("SELECT count(*) FROM telemetry.migrations_applied").await;
    assert_eq!(files, i64::try_from(sql(&folder) + sql(&folder.join("always"))).unwrap());
}

/// What was said by a boot that must fail.
async fn refused(boot: Boot) -> String {
    let Ended { status, said } = boot.end().await;
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("What to do: "), "no advice:\n{said}");
    said
}

#[tokio::test]
async fn an_empty_database_becomes_a_directus_that_answers() {
    let lab = image("from_nothing").await;
    let said = boots_whole(&lab, &draft()).await;
    let steps = [
        "1/5 database",
        "2/5 db-init",
        "3/5 directus bootstrap",
        "4/5 schema",
        "5/5 configuration",
    ];
    let places: Vec<_> = steps.iter().map(|step| said.find(step).expect(step)).collect();
    assert!(places.is_sorted(), "{said}");
    assert!(said.contains("5/5 configuration: 4 items created"), "{said}");

    // The next one finds all done, and starts no Directus but the one that stays.
    let again = lab.start_boot(&["--no-start"], &AUTO).end().await;
    assert!(again.status.success(), "{again:?}");
    for done in [
        "2/5 db-init: nothing new",
        "3/5 directus bootstrap: done before",
        "4/5 schema: nothing changed since the last apply",
        "5/5 configuration: nothing new",
    ] {
        assert!(again.said.contains(done), "{}", again.said);
    }
    lab.done().await;
}

#[tokio::test]
async fn a_boot_killed_while_it_waits_for_the_database_leaves_nothing() {
    let lab = image("killed_1").await;
    let nowhere = [("BIPLANE_OWNER_DATABASE_URL", "postgres://nobody@127.0.0.1:9/nothing")];
    let mut boot = lab.start_boot(&["--no-start"], &nowhere);
    boot.says("1/5 database: ").await;
    boot.kill_all().await;
    boots_whole(&lab, &draft()).await;
    lab.done().await;
}

#[tokio::test]
async fn a_boot_killed_in_db_init_has_done_each_file_wholly_or_not_at_all() {
    let lab = image("killed_2").await;
    let slow = "CREATE TABLE telemetry.half (n int);
                SELECT pg_sleep(2);
                INSERT INTO telemetry.half VALUES (1);";
    std::fs::write(lab.installation.files.db_init().join("900_slow.sql"), slow).unwrap();
    let mut boot = lab.start_boot(&["--no-start"], &AUTO);
    boot.until("a file under way", async |_| {
        let query = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event = 'PgSleep'";
        lab.number(query).await == 1
    })
    .await;
    boot.kill_all().await;
    boots_whole(&lab, &draft()).await;
    assert_eq!(lab.number("SELECT count(*) FROM telemetry.half").await, 1);
    lab.done().await;
}

/// Kills a boot of an empty database as soon as a query says yes.
async fn killed_when(test: &str, query: &str) {
    let lab = image(test).await;
    let mut boot = lab.start_boot(&["--no-start"], &AUTO);
    boot.says("3/5 directus bootstrap: running").await;
    boot.until(query, async |_| {
        // The table may not be there yet.
        lab.database.query_one(query, &[]).await.is_ok_and(|row| row.get(0))
    })
    .await;
    let ended = boot.kill_all().await;
    assert!(!ended.said.contains("4/5"), "too late: {}", ended.said);
    let said = boots_whole(&lab, &draft()).await;
    assert!(said.contains("was interrupted; beginning anew"), "{said}");
    lab.done().await;
}

#[tokio::test]
async fn a_boot_killed_while_directus_makes_its_tables_begins_anew() {
    killed_when("killed_3a", "SELECT count(*) = 0 FROM directus_users").await;
}

#[tokio::test]
async fn a_boot_killed_in_the_middle_of_directus_migrations_begins_anew() {
    killed_when("killed_3b", "SELECT count(*) > 40 FROM directus_migrations").await;
}

#[tokio::test]
async fn a_boot_killed_between_tables_and_administrator_begins_anew() {
    killed_when("killed_3c", "SELECT count(*) > 0 FROM directus_policies WHERE admin_access").await;
}

#[tokio::test]
async fn a_boot_killed_at_any_moment_of_an_apply_comes_to_the_same() {
    let mut lab = Lab::new("killed_4").await;
    configure(&lab, &stack());
    let moments = [
        "4/5 schema: comparing",
        "4/5 schema: saving what will go",
        "4/5 schema: asking Directus",
        "4/5 schema: applying",
        "4/5 schema: looking at what came of it",
    ];
    let mut now = (0..moments.len()).fold(draft(), |it, round| it.table(&format!("old{round}")));
    lab.bake(&now);
    lab.applied().await;
    for (round, moment) in moments.into_iter().enumerate() {
        // Something that goes, with a row, and something that comes.
        let goes = format!("old{round}");
        lab.sql(&format!("INSERT INTO {goes} VALUES (1)")).await;
        now = now.without(&goes).table(&format!("new{round}"));
        lab.bake(&now);

        let mut boot = lab.start_boot(&["--no-start"], &AUTO);
        boot.says(moment).await;
        if moment.ends_with("applying") {
            boot.until("an apply under way", async |_| {
                let query =
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                     AND application_name = 'biplane schema apply' AND xact_start IS NOT NULL";
                lab.number(query).await > 0
            })
            .await;
        }
        boot.kill_all().await;
        let again = lab.start_boot(&["--no-start"], &AUTO).end().await;
        assert!(again.status.success(), "{moment}: {}", again.said);
        is_whole(&lab, &now).await;
        let saved = format!(
            "SELECT count(*) FROM telemetry.rescue_parts WHERE collection = '{goes}' AND rows = 1"
        );
        assert!(lab.number(&saved).await > 0, "{moment}: the row of {goes} is lost");
        assert_eq!(lab.rows(&goes).await, None, "{moment}");
    }
    boots_whole(&lab, &now).await;
    lab.done().await;
}

#[tokio::test]
async fn a_boot_killed_while_it_configures_comes_to_the_same() {
    let lab = Lab::new("killed_5").await;
    lab.bake(&draft());
    configure(&lab, &stack());
    let mut boot = lab.start_boot(&["--no-start"], &AUTO);
    boot.says("5/5 configuration: starting Directus").await;
    boot.kill_all().await;
    let mut boot = lab.start_boot(&["--no-start"], &AUTO);
    boot.says("5/5 configuration: merging").await;
    boot.until("a part of it", async |_| {
        lab.number("SELECT count(*) FROM telemetry.configuration_base").await > 0
    })
    .await;
    let ended = boot.kill_all().await;
    assert!(!ended.said.contains("5/5 configuration: 4 items created"), "too late: {}", ended.said);
    boots_whole(&lab, &draft()).await;
    lab.done().await;
}

#[tokio::test]
async fn the_directus_that_a_killed_boot_had_started_ends_with_it() {
    let lab = Lab::new("killed_alone").await;
    lab.bake(&draft());
    configure(&lab, &stack());
    let mut boot = lab.start_boot(&["--no-start"], &AUTO);
    boot.says("5/5 configuration: merging").await;
    let children = boot.children();
    assert_eq!(children.len(), 1);
    boot.kill().await;
    let deadline = Instant::now() + Duration::from_secs(10);
    // A zombie that nobody waits for counts as gone.
    let lives = |pid: u32| {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        state.is_ok_and(|state| !state.contains(") Z "))
    };
    while children.iter().any(|pid| lives(*pid)) {
        assert!(Instant::now() < deadline, "{children:?} still run");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    boots_whole(&lab, &draft()).await;
    lab.done().await;
}

#[tokio::test]
async fn of_two_replicas_at_once_one_does_the_work_and_the_other_goes_on() {
    let lab = image("two").await;
    let mut boots = [lab.start_boot(&[], &AUTO), lab.start_boot(&[], &AUTO)];
    for boot in &mut boots {
        boot.answers().await;
        boot.admin(&stack()).await.read("/items/boats").await.unwrap();
    }
    let said = boots.each_ref().map(Boot::said);
    let count = |words: &str| said.iter().filter(|said| said.contains(words)).count();
    for done_once in [
        "another replica is booting; waiting for it",
        "3/5 directus bootstrap: running",
        "4/5 schema: applying",
        "5/5 configuration: merging",
    ] {
        assert_eq!(count(done_once), 1, "{done_once}: {said:#?}");
    }
    for boot in boots {
        boot.stop().await;
    }
    is_whole(&lab, &draft()).await;
    assert_eq!(lab.number("SELECT count(*) FROM telemetry.schema_bases").await, 1);
    lab.done().await;
}

#[tokio::test]
async fn sigterm_during_a_step_ends_the_boot_and_the_next_goes_on() {
    let lab = image("sigterm").await;
    let mut boot = lab.start_boot(&["--no-start"], &AUTO);
    boot.says("3/5 directus bootstrap: running").await;
    let ended = boot.terminate().await;
    assert_eq!(ended.status.code(), Some(143), "{ended:?}");
    assert!(ended.said.contains("SIGTERM: the boot ends here"), "{ended:?}");
    boots_whole(&lab, &draft()).await;
    lab.done().await;
}

#[tokio::test]
async fn sigterm_to_what_was_biplane_boot_stops_directus_cleanly() {
    let lab = Lab::new("sigterm_directus").await;
    lab.bake(&draft());
    configure(&lab, &stack());
    let mut boot = lab.start_boot(&[], &AUTO);
    boot.answers().await;
    boot.stop().await;
    lab.done().await;
}

#[tokio::test]
async fn a_running_directus_sees_what_schema_apply_added_beside_it() {
    let mut lab = Lab::new("seen").await;
    lab.bake(&draft());
    configure(&lab, &stack());
    let mut boot = lab.start_boot(&[], &AUTO);
    boot.answers().await;
    let admin = boot.admin(&stack()).await;
    admin.create("/items/boats", &json!({ "id": 1, "sail": "GER 1" })).await.unwrap();

    lab.bake(&draft().column("boats", "crew", "integer"));
    lab.applied().await;
    // What Directus knows of its schema is in its memory.
    let crew = "/items/boats/1?fields=crew";
    assert!(admin.read(crew).await.is_err(), "it knows without being told");
    let env = &mut lab.installation.env;
    env.extend([("PORT".to_owned(), boot.port()), ("PUBLIC_URL".to_owned(), boot.url.clone())]);
    lab.installation.schema_changed(&lab.database).await.unwrap();
    assert_eq!(admin.read(crew).await.unwrap(), json!({ "crew": null }));
    boot.stop().await;
    // Nor is it wrong that none runs.
    lab.installation.schema_changed(&lab.database).await.unwrap();
    lab.done().await;
}

#[tokio::test]
async fn a_step_that_fails_is_named_with_cause_and_advice_while_the_previous_version_serves() {
    let lab = Lab::new("failed").await;
    lab.bake(&draft());
    configure(&lab, &stack());
    let mut previous = lab.start_boot(&[], &AUTO);
    previous.answers().await;
    let admin = previous.admin(&stack()).await;
    admin.create("/items/clubs", &json!({ "id": 1, "name": "Club" })).await.unwrap();

    // 2/5: the file is rolled back, and named.
    let bad = lab.installation.files.db_init().join("900_bad.sql");
    std::fs::write(&bad, "CREATE TABLE telemetry.half (); SELECT 1 / 0;").unwrap();
    let said = refused(lab.start_boot(&[], &AUTO)).await;
    assert!(said.contains("2/5 db-init: db-init/900_bad.sql failed"), "{said}");
    assert!(said.contains("division by zero (SQLSTATE 22012)"), "{said}");
    assert!(!said.contains("3/5"), "{said}");
    std::fs::remove_file(bad).unwrap();

    // 3/5: Directus's own words.
    lab.sql("DELETE FROM telemetry.pipeline_state WHERE key = 'directus_bootstrap'").await;
    let said = refused(lab.start_boot(&[], &[("DB_PASSWORD", "wrong")])).await;
    assert!(said.contains("3/5 directus bootstrap: `directus bootstrap` failed"), "{said}");
    assert!(said.contains("password authentication failed"), "{said}");
    assert!(!said.contains("4/5"), "{said}");

    // 4/5: a conflict.
    lab.sql("UPDATE directus_fields SET note = 'here' WHERE field = 'sail'").await;
    lab.bake(&draft().note("boats.sail", "there"));
    let said = refused(lab.start_boot(&[], &AUTO)).await;
    assert!(said.contains("4/5 schema: ") && said.contains("boats.sail"), "{said}");
    assert!(said.contains("the previous version can go on serving"), "{said}");
    assert!(!said.contains("5/5"), "{said}");
    lab.bake(&draft());
    lab.sql("UPDATE directus_fields SET note = NULL WHERE field = 'sail'").await;

    // 5/5: a file that can't be taken, a Directus that does not start, nothing to sign with.
    let roles = lab.home().join("config/directus_roles.json");
    std::fs::write(&roles, "[{]").unwrap();
    let said = refused(lab.start_boot(&[], &AUTO)).await;
    let named = "5/5 configuration: config/directus_roles.json: not valid JSON";
    assert!(said.contains(named), "{said}");
    std::fs::write(&roles, json!([{ "id": ROLE, "name": "Skipper" }]).to_string()).unwrap();
    let said = refused(lab.start_boot(&[], &[("DB_PASSWORD", "wrong")])).await;
    assert!(said.contains("5/5 configuration: `directus start` ended"), "{said}");
    assert!(said.contains("password authentication failed"), "{said}");
    let said = refused(lab.start_boot(&[], &[("SECRET", "")])).await;
    assert!(said.contains("5/5 configuration: SECRET is not set"), "{said}");

    // All the while.
    let club = admin.read("/items/clubs/1").await.unwrap();
    assert_eq!(club["name"], "Club");
    previous.stop().await;
    lab.done().await;
}

#[tokio::test]
async fn a_database_that_is_not_there_is_waited_for_and_then_named() {
    let lab = image("no_database").await;
    let wait = ["--database-wait", "1"];
    let port = lab.installation.variable("DB_PORT").unwrap();
    for (host, why) in [
        ("127.0.0.1:9", "Connection refused"),
        (&format!("127.0.0.1:{port}"), "password authentication failed"),
        // An address for documentation: nothing comes back from there.
        ("192.0.2.1", ""),
    ] {
        let started = Instant::now();
        let url = format!("postgres://directus:wrong-one@{host}/biplane");
        let said = refused(lab.start_boot(&wait, &[("BIPLANE_OWNER_DATABASE_URL", &url)])).await;
        assert!(said.contains("1/5 database: not reached within 1 s: "), "{said}");
        assert!(said.contains(why), "{said}");
        assert!(said.contains("check that the database runs"), "{said}");
        assert!(!said.contains("wrong-one"), "a password in the log: {said}");
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    }
    lab.done().await;
}

#[tokio::test]
async fn a_dot_env_beside_directus_is_refused_before_anything_is_touched() {
    let lab = image("dot_env").await;
    let path = lab.installation.folder.join(".env");
    std::fs::write(&path, "DB_DATABASE=another").unwrap();
    let said = refused(lab.start_boot(&[], &AUTO)).await;
    assert!(said.contains(&format!("{} would override", path.display())), "{said}");
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('telemetry', 'rescue')";
    assert_eq!(lab.number(schemas).await, 0);
    lab.done().await;
}
