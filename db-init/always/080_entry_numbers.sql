-- biplane: after-directus
-- A number is one entry's within an event, whoever writes at the same time: the rule that says so in a
-- sentence reads before it writes, and two writers may both find nothing. Entries from before there was
-- this index may break it: they stay, and the index waits until they are set right.

DO $$
BEGIN
    IF to_regclass('public.entries_event_number') IS NOT NULL THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM public.entries GROUP BY event, number HAVING count(*) > 1) THEN
        RAISE WARNING 'entries: some numbers are given twice in an event; they are not kept unique until that is set right';
    ELSE
        CREATE UNIQUE INDEX entries_event_number ON public.entries (event, number);
    END IF;
END
$$;
