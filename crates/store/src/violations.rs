//! Writing alerts of who crosses a border that people want to hear of.

use crate::alerts::running_event;

/// Of the crossings with the ids in `$1`, which are in the table. One that is open for a device and a
/// geofence stands for those that follow it: who drives along a border crosses it often. The alert
/// has the id of its crossing.
pub(crate) fn insert() -> String {
    let running = running_event("c.device", "c.organization");
    format!(
        "INSERT INTO public.alerts (id, organization, device, event, geofence, kind, severity, status, occurred_at, message, date_created)
    SELECT DISTINCT ON (c.device, c.geofence) c.id, c.organization, c.device, coalesce(c.event, running.event), c.geofence,
        'geofence_violation', 'critical', 'open', c.crossed_at,
        d.name || CASE c.direction WHEN 'enter' THEN ' came into ' ELSE ' left ' END || g.name || ' at '
            || to_char(c.crossed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC', now()
    FROM public.crossings c
    JOIN public.geofences g ON g.id = c.geofence AND g.alert_on IN (c.direction, 'any')
    JOIN public.devices d ON d.id = c.device
    {running}
    WHERE c.id = ANY ($1::uuid[])
        AND NOT EXISTS (
            SELECT FROM public.alerts x
            WHERE x.device = c.device AND x.geofence = c.geofence AND x.kind = 'geofence_violation' AND x.status = 'open')
    ORDER BY c.device, c.geofence, c.crossed_at
    ON CONFLICT (id) DO NOTHING"
    )
}

/// Of the crossings with the ids in `$1`, which are not found any more.
pub(crate) const TAKE_BACK: &str = "
    UPDATE public.alerts SET status = 'closed', date_updated = now()
    WHERE id = ANY ($1::uuid[]) AND kind = 'geofence_violation' AND status = 'open'";
