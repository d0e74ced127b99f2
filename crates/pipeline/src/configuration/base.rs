//! What was applied last, in the database: `db-init/003_configuration_base.sql`.

use biplane_schema::items::{Collection, Item, ItemKey, Items};
use serde_json::Value;
use tokio_postgres::{Client, Error};

pub(super) async fn read(database: &Client) -> Result<Items, Error> {
    let rows = database
        .query("SELECT collection, id, item FROM telemetry.configuration_base", &[])
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let key = ItemKey { collection: row.get(0), id: row.get(1) };
            let item = match row.get::<_, Value>(2) {
                Value::Object(item) => item,
                _ => Item::new(),
            };
            (key, item)
        })
        .collect())
}

/// What is now in Directus of a collection. What was taken out of `config/` stays until it is
/// deleted there: see [`forget`].
pub(super) async fn write(
    database: &mut Client,
    collection: &Collection,
    target: &Items,
) -> Result<(), Error> {
    let transaction = database.transaction().await?;
    for (key, item) in target.iter().filter(|(key, _)| key.collection == collection.name) {
        transaction
            .execute(
                "INSERT INTO telemetry.configuration_base AS base (collection, id, item)
                 VALUES ($1, $2, $3)
                 ON CONFLICT (collection, id) DO UPDATE SET item = excluded.item, applied_at = now()
                 WHERE base.item IS DISTINCT FROM excluded.item",
                &[&key.collection, &key.id, &Value::Object(item.clone())],
            )
            .await?;
    }
    transaction.commit().await
}

/// What was taken out of `config/` is no longer ours.
pub(super) async fn forget(
    database: &Client,
    collection: &Collection,
    base: &Items,
    target: &Items,
) -> Result<(), Error> {
    let gone: Vec<&str> = base
        .keys()
        .filter(|key| key.collection == collection.name && !target.contains_key(key))
        .map(|key| &*key.id)
        .collect();
    if gone.is_empty() {
        return Ok(());
    }
    let delete = "DELETE FROM telemetry.configuration_base WHERE collection = $1 AND id = ANY($2)";
    database.execute(delete, &[&collection.name, &gone]).await.map(|_| ())
}
