-- biplane: after-directus
-- Directus opens onto the page that a user saw last, and has no setting for the first time: whoever has
-- seen none opens onto the dashboard "Race control" (config/directus_dashboards.json).

ALTER TABLE public.directus_users
    ALTER COLUMN last_page SET DEFAULT '/insights/67eac3f7-df74-59b2-bec1-3474c5cff266';

-- Those from before who never logged in, as the first administrator.
UPDATE public.directus_users SET last_page = DEFAULT WHERE last_page IS NULL AND last_access IS NULL;
