//! What the business plane says of devices, fences and courses.

use super::*;

#[tokio::test]
async fn the_setup_holds_what_is_active_and_names_what_it_leaves_out() {
    let (server, client) = server().await;
    let mut reader = SetupReader::connect(&server.url()).await.unwrap();
    let (setup, problems) = reader.read().await.unwrap();
    let imei: Imei = "490154203237518".parse().unwrap();
    assert_eq!(setup.devices.len(), 1);
    assert_eq!(setup.devices[&imei], DEVICE);
    let fences = &setup.fences[&DEVICE.organization];
    assert_eq!(fences.len(), 2);
    let moment = |seconds, lon| Moment { time: at(seconds), at: Point { lat: 46.0, lon } };
    let way = Segment::between(moment(0, 10.0), moment(10, 14.0));
    assert_eq!(fences.crossings(&way).count(), 4);
    assert_eq!(setup.entries[&DEVICE.id].len(), 1);
    let checkpoints = &setup.checkpoints[&Uuid::from_u128(0xf1).into()];
    assert_eq!(checkpoints[0].direction, Some(Direction::Enter));
    assert_eq!(checkpoints[0].opens_at, Some(at(0) + 250));
    assert_eq!((checkpoints[1].direction, checkpoints[1].opens_at), (None, None));
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems.iter().any(|problem| problem.ends_with("a circle needs a radius above 0 m")));

    let before = reader.fingerprint().await.unwrap();
    assert_eq!(reader.fingerprint().await.unwrap(), before);
    client
        .batch_execute(
            "UPDATE geofences SET status = 'inactive', date_updated = now() WHERE name = 'field'",
        )
        .await
        .unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(5), reader.noticed()).await.unwrap();
    assert_ne!(reader.fingerprint().await.unwrap(), before);
    let (setup, _) = reader.read().await.unwrap();
    assert_eq!(setup.fences[&DEVICE.organization].len(), 1);
}

#[tokio::test]
async fn a_profile_of_the_devices_organization_is_read_and_what_it_can_not_set_is_told() {
    let (server, client) = server().await;
    client
        .batch_execute(
            "INSERT INTO organizations VALUES ('00000000-0000-0000-0000-0000000000a2', 'Other');
             INSERT INTO device_profiles (id, organization, name, max_speed_kmh, max_hdop, believe_after, stop_after_s) VALUES
                ('00000000-0000-0000-0000-000000000071', '00000000-0000-0000-0000-0000000000a1', 'bikes', 80, 0.1, 1, 60);
             UPDATE devices SET profile = '00000000-0000-0000-0000-000000000071' WHERE name = 'one'",
        )
        .await
        .unwrap();
    let mut reader = SetupReader::connect(&server.url()).await.unwrap();
    let instance = Limits::default();
    let (setup, problems) = reader.read().await.unwrap();
    let mut expected = instance;
    expected.plausibility.max_speed_kmh = 80.0;
    expected.plausibility.max_hdop = 0.1;
    expected.motion.stop_after_s = 60;
    assert_eq!(setup.limits(DEVICE.id, &instance), expected);
    assert_eq!(setup.limits(Uuid::from_u128(0xd2).into(), &instance), instance);
    let told = "believe_after: 1 is not a whole number from 2 to 1000";
    assert!(problems.iter().any(|it| it.ends_with(told)), "{problems:?}");

    let before = reader.fingerprint().await.unwrap();
    client
        .batch_execute("UPDATE device_profiles SET max_speed_kmh = NULL, date_updated = now()")
        .await
        .unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(5), reader.noticed()).await.unwrap();
    assert_ne!(reader.fingerprint().await.unwrap(), before);
    let (setup, _) = reader.read().await.unwrap();
    let speed = setup.limits(DEVICE.id, &instance).plausibility.max_speed_kmh;
    assert_eq!(speed, instance.plausibility.max_speed_kmh);

    // Whoever gave the profile away: a stranger's word is not taken.
    client
        .batch_execute(
            "UPDATE device_profiles SET organization = '00000000-0000-0000-0000-0000000000a2'",
        )
        .await
        .unwrap();
    let (setup, _) = reader.read().await.unwrap();
    assert_eq!(setup.limits(DEVICE.id, &instance), instance);
    let refused = client
        .batch_execute(
            "UPDATE devices SET profile = NULL;
             UPDATE devices SET profile = '00000000-0000-0000-0000-000000000071'",
        )
        .await;
    assert!(refused.is_err(), "into another organization");
}

/// Valid crossings of a race that was over came in for as long as trackers were switched on.
#[tokio::test]
async fn a_tracker_that_drove_home_next_week_was_timed_for_the_finished_event() {
    let (server, client) = server().await;
    // The first checkpoint opens at 11:40:00.250, the other one has no times of its own.
    let mut reader = SetupReader::connect(&server.url()).await.unwrap();
    for (starts_at, ends_at, first, second) in [
        (None, None, (Some(250), None), (None, None)),
        (None, Some(at(9)), (Some(250), Some(9_000)), (None, Some(9_000))),
        (Some(at(-9)), None, (Some(250), None), (Some(-9_000), None)),
        (Some(at(1)), Some(at(9)), (Some(1_000), Some(9_000)), (Some(1_000), Some(9_000))),
    ] {
        let seconds = |time: Option<Timestamp>| time.map(|time| time.as_millis() as f64 / 1000.0);
        client
            .execute(
                "UPDATE events SET status = 'finished', starts_at = to_timestamp($1), ends_at = to_timestamp($2)
                 WHERE name = 'race'",
                &[&seconds(starts_at), &seconds(ends_at)],
            )
            .await
            .unwrap();
        let (setup, _) = reader.read().await.unwrap();
        let since_start = |time: Option<Timestamp>| time.map(|time| time - at(0));
        let times: Vec<_> = setup.checkpoints[&Uuid::from_u128(0xf1).into()]
            .iter()
            .map(|one| (since_start(one.opens_at), since_start(one.closes_at)))
            .collect();
        assert_eq!(times, [first, second]);
    }
    client
        .batch_execute("UPDATE checkpoints SET closes_at = '2020-09-12 11:40:02+00'")
        .await
        .unwrap();
    let (setup, _) = reader.read().await.unwrap();
    let checkpoints = &setup.checkpoints[&Uuid::from_u128(0xf1).into()];
    assert!(checkpoints.iter().all(|one| one.closes_at == Some(at(2))), "the earlier end counts");
}

#[tokio::test]
async fn entries_and_checkpoints_of_another_organization_took_part_in_an_event() {
    let (server, client) = server().await;
    // As if written before the database refused it.
    client
        .batch_execute(
            "INSERT INTO organizations VALUES ('00000000-0000-0000-0000-0000000000a2', 'Strangers');
             SET session_replication_role = replica;
             UPDATE entries SET organization = '00000000-0000-0000-0000-0000000000a2';
             UPDATE checkpoints SET organization = '00000000-0000-0000-0000-0000000000a2' WHERE name = 'Goal';",
        )
        .await
        .unwrap();
    let mut reader = SetupReader::connect(&server.url()).await.unwrap();
    let (setup, _) = reader.read().await.unwrap();
    assert!(setup.entries.is_empty());
    let left: Vec<_> = setup.checkpoints.values().flatten().map(|one| one.id.0.as_u128()).collect();
    assert_eq!(left, [0xc2]);
}
