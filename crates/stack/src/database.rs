//! The database made ready for Directus: the steps that a container boots with.

use biplane_pipeline::boot::{self, Booted};
use biplane_pipeline::{Installation, schema};
use tokio_postgres::Client;

use crate::{Layout, Progress, SetupError};

/// Makes the database ready for Directus to start on; the connection is its superuser's.
pub async fn ready(
    layout: &Layout,
    installation: &Installation,
    progress: &Progress,
) -> Result<Client, SetupError> {
    let step = progress.step("Directus set-up");
    let failed = |error: &dyn std::fmt::Display| {
        SetupError::new("Directus set-up", error)
            .advice(format!("nothing was lost; `{}` tells more", layout.log("setup").display()))
    };
    let options = boot::Options {
        schema: schema::Options::from_environment(&installation.files)
            .map_err(|error| failed(&error))?,
        ..boot::Options::default()
    };
    let mut log = String::new();
    let lines = std::cell::RefCell::new(&mut log);
    let booted = boot::prepare(installation, &options, &|line| {
        lines.borrow_mut().push_str(&format!("{line}\n"));
        step.note(line);
    })
    .await;
    let _ = std::fs::write(layout.log("setup"), log);
    let Booted { database, schema, first } = booted.map_err(|error| failed(&error))?;
    step.done(format!("{}{schema}", if first { "bootstrapped; schema: " } else { "schema: " }));
    Ok(database)
}
