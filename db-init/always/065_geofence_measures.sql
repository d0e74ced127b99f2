-- biplane: after-directus
-- What a geofence measures, whoever writes it: area and perimeter on the WGS 84 ellipsoid, the centroid
-- and the box around it. Of a circle by its radius, on the sphere on which crossings are timed; of a gate
-- only what a line has.

CREATE OR REPLACE FUNCTION telemetry.geofence_measures()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, postgis, public
AS $$
DECLARE
    earth_radius_m CONSTANT double precision := 6371000;
    shape          geometry := NEW.geometry;
    centre         geometry := ST_Centroid(shape);
    angle          double precision;
    side           double precision;
    around         double precision[];
BEGIN
    IF NEW.kind = 'circle' AND NEW.radius_m > 0 THEN
        angle := least(NEW.radius_m / earth_radius_m, pi());
        NEW.area_m2 := 2 * pi() * earth_radius_m ^ 2 * (1 - cos(angle));
        NEW.perimeter_m := 2 * pi() * earth_radius_m * sin(angle);
        -- A circle over a pole goes all around it.
        side := CASE WHEN abs(ST_Y(centre)) + degrees(angle) >= 90 THEN 180
                     ELSE degrees(asin(least(1, sin(angle) / cos(radians(ST_Y(centre)))))) END;
        around := ARRAY[ST_X(centre) - side, greatest(-90, ST_Y(centre) - degrees(angle)),
                        ST_X(centre) + side, least(90, ST_Y(centre) + degrees(angle))];
    ELSE
        NEW.area_m2 := CASE WHEN NEW.kind = 'polygon' THEN ST_Area(shape::geography) END;
        NEW.perimeter_m := CASE NEW.kind
            WHEN 'polygon' THEN ST_Perimeter(shape::geography)
            WHEN 'gate' THEN ST_Length(shape::geography)
        END;
        around := ARRAY[ST_XMin(shape), ST_YMin(shape), ST_XMax(shape), ST_YMax(shape)];
    END IF;
    NEW.centroid := to_json(ARRAY[trim_scale(round(ST_X(centre)::numeric, 7)), trim_scale(round(ST_Y(centre)::numeric, 7))]);
    NEW.bbox := to_json(ARRAY(SELECT trim_scale(round(degree::numeric, 7)) FROM unnest(around) AS degree));
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION telemetry.geofence_measures IS
    'Fills area_m2, perimeter_m, centroid (longitude, latitude) and bbox (west, south, east, north) of a geofence.';

CREATE OR REPLACE TRIGGER biplane_measures BEFORE INSERT OR UPDATE ON public.geofences
    FOR EACH ROW EXECUTE FUNCTION telemetry.geofence_measures();

-- Those from before.
UPDATE public.geofences SET kind = kind WHERE bbox IS NULL;
