//! What the database knows of commands.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use biplane_store::OpenCommands;
use support::TestPostgres;
use uuid::Uuid;

const COMMAND: Uuid = Uuid::from_u128(7);

#[tokio::test]
async fn of_two_who_decide_at_a_time_the_second_is_refused() {
    let postgres = TestPostgres::start().await;
    let client = postgres.client().await;
    let give = "INSERT INTO public.commands (id, organization, device, status, expires_at)
        VALUES ($1, gen_random_uuid(), gen_random_uuid(), 'awaiting_approval', now())";
    client.execute(give, &[&COMMAND]).await.unwrap();
    let set = async |what: &str| {
        let sql = format!("UPDATE public.commands SET {what} WHERE id = '{COMMAND}'");
        client
            .batch_execute(&sql)
            .await
            .map_err(|error| error.as_db_error().unwrap().message().to_owned())
    };
    set("status = 'pending'").await.unwrap();
    set("status = 'routed', attempts = 1, instance = 'gateway-1'").await.unwrap();
    // Approved a second time by who had read it before.
    let refused = set("status = 'pending'").await.unwrap_err();
    assert_eq!(refused, "a command that is routed can't become pending");
    assert!(set("attempts = 2").await.is_err(), "an attempt that nobody made");
    assert!(set("status = 'sent', attempts = 3").await.is_err());
    set("status = 'sent'").await.unwrap();
    assert!(set("status = 'cancelled'").await.is_err());
    set("status = 'acknowledged', result = 'Ver'").await.unwrap();
    assert!(set("status = 'expired'").await.is_err());
    set("result = 'Ver 1'").await.unwrap();
    assert!(set("expires_at = NULL").await.is_err(), "it would wait for ever");

    let rows = client
        .query(
            "SELECT from_status, to_status, attempt, result FROM public.command_transitions ORDER BY occurred_at",
            &[],
        )
        .await
        .unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            let texts = (row.get::<_, Option<String>>(0), row.get::<_, String>(1));
            (texts.0, texts.1, row.get::<_, i32>(2), row.get::<_, Option<String>>(3))
        })
        .collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        told,
        [
            (None, "awaiting_approval".into(), 0, None),
            (some("awaiting_approval"), "pending".into(), 0, None),
            (some("pending"), "routed".into(), 1, None),
            (some("routed"), "sent".into(), 1, None),
            (some("sent"), "acknowledged".into(), 1, some("Ver")),
        ]
    );
}

#[tokio::test]
async fn one_processor_looks_after_commands_and_another_when_it_is_gone() {
    let postgres = TestPostgres::start().await;
    let client = postgres.client().await;
    client
        .batch_execute(
            "INSERT INTO public.commands (id, organization, device, status, expires_at)
             SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), status, now() + after
             FROM (VALUES ('pending', interval '60 s'), ('queued', '120 s'), ('acknowledged', '180 s'), ('sent', '-1 s'),
                ('unknown', '1 h'), ('unknown', '-1 h')) AS c (status, after)",
        )
        .await
        .unwrap();
    let (mut one, mut other) =
        (OpenCommands::new(postgres.url()), OpenCommands::new(postgres.url()));
    assert!(one.leads().await.unwrap());
    assert!(!other.leads().await.unwrap());
    let open = one.read(10).await.unwrap();
    let open: Vec<_> = open.iter().map(|command| command.status.as_str()).collect();
    assert_eq!(open, ["sent", "pending", "queued", "unknown"], "the most urgent first, no ends");
    assert!(other.read(10).await.unwrap().is_empty());
    drop(one);
    let began = std::time::Instant::now();
    while !other.leads().await.unwrap() {
        assert!(began.elapsed().as_secs() < 20, "the lock stays");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn thousands_of_one_organization_are_not_in_the_way_of_anothers_few() {
    let postgres = TestPostgres::start().await;
    let client = postgres.client().await;
    let give = "INSERT INTO public.commands (id, organization, device, status, expires_at)
        SELECT gen_random_uuid(), $1, gen_random_uuid(), 'queued', now() + $2::int4 * interval '1 s'
        FROM generate_series(1, $3::int4)";
    let (many, few) = (Uuid::from_u128(1), Uuid::from_u128(2));
    client.execute(give, &[&many, &10, &3_000]).await.unwrap();
    client.execute(give, &[&few, &3_600, &3]).await.unwrap();
    let mut open = OpenCommands::new(postgres.url());
    assert!(open.leads().await.unwrap());
    let read = open.read(10).await.unwrap();
    let ids: Vec<Uuid> = read.iter().map(|command| command.id).collect();
    let of_the_few: i64 = client
        .query_one(
            "SELECT count(*) FROM public.commands WHERE organization = $1 AND id = ANY ($2)",
            &[&few, &ids],
        )
        .await
        .unwrap()
        .get(0);
    assert_eq!((ids.len(), of_the_few), (10, 3));
}
