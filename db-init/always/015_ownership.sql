-- One writer a partition: whoever writes says under which lease it read, and an older lease than
-- the newest that came here writes nothing. A paused owner that wakes up is too late by then.

CREATE OR REPLACE FUNCTION telemetry.claim_partitions(claimed smallint[], generations bigint[])
RETURNS smallint[]
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, telemetry
AS $$
DECLARE
    held integer;
    lost smallint[];
BEGIN
    -- Mostly all are held already. A shared lock until the end of the transaction keeps the next
    -- owner waiting, who must see what is written here.
    PERFORM FROM partition_owners AS owner
        JOIN unnest(claimed, generations) AS claim (partition, generation) USING (partition, generation)
        ORDER BY partition
        FOR SHARE OF owner;
    GET DIAGNOSTICS held = ROW_COUNT;
    IF held = cardinality(claimed) THEN
        RETURN '{}';
    END IF;
    INSERT INTO partition_owners AS owner (partition, generation)
        SELECT partition, generation FROM unnest(claimed, generations) AS claim (partition, generation)
        ORDER BY partition
        ON CONFLICT (partition) DO UPDATE SET generation = excluded.generation, taken_at = now()
        WHERE owner.generation < excluded.generation;
    SELECT coalesce(array_agg(partition ORDER BY partition), '{}') INTO lost
        FROM partition_owners AS owner
        JOIN unnest(claimed, generations) AS claim (partition, generation) USING (partition)
        WHERE owner.generation > claim.generation;
    RETURN lost;
END
$$;
COMMENT ON FUNCTION telemetry.claim_partitions IS
    'Holds partitions for the transaction under the leases of these generations; returns those that a newer lease has.';

REVOKE ALL ON FUNCTION telemetry.claim_partitions(smallint[], bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION telemetry.claim_partitions(smallint[], bigint[]) TO biplane_processor;
