-- What a batch does, in this order: what goes, then what comes. Rows found by a
-- key that is no number are changed in place, so that their index stays as it is
-- and one page less is written.
--
-- It is a trigger, so that a batch is one statement: the connection's thread
-- wakes whoever waits for a commit once for each. View and trigger are
-- temporary, the connection's own and in no file. Each statement asks first
-- whether it has rows at all: what it prepares to find them in costs more.

CREATE TEMP VIEW batch (
    blob, -- what values are cut from
    commits, sum, forgotten, leases_gone, histories_gone, results_gone, meta, jobs, specs,
    leases, histories, results, blobs, blobs_gone, names, machines, registry
) AS SELECT
    NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL;

CREATE TEMP TRIGGER batch INSTEAD OF INSERT ON batch BEGIN
    UPDATE store SET commits = NEW.commits, sum = NEW.sum;
    DELETE FROM job
        WHERE NEW.forgotten IS NOT NULL AND no IN (SELECT value FROM json_each(NEW.forgotten));
    DELETE FROM spec
        WHERE NEW.forgotten IS NOT NULL AND no IN (SELECT value FROM json_each(NEW.forgotten));
    DELETE FROM lease WHERE NEW.forgotten IS NOT NULL AND id IN (
        SELECT r.id FROM json_each(NEW.forgotten) e
        CROSS JOIN lease r ON r.id BETWEEN e.value << 32 AND e.value << 32 | 4294967295);
    DELETE FROM history WHERE NEW.forgotten IS NOT NULL AND id IN (
        SELECT r.id FROM json_each(NEW.forgotten) e
        CROSS JOIN history r ON r.id BETWEEN e.value << 32 AND e.value << 32 | 4294967295);
    DELETE FROM result WHERE NEW.forgotten IS NOT NULL AND id IN (
        SELECT r.id FROM json_each(NEW.forgotten) e
        CROSS JOIN result r ON r.id BETWEEN e.value << 32 AND e.value << 32 | 4294967295);
    DELETE FROM lease
        WHERE NEW.leases_gone IS NOT NULL AND id IN (SELECT value FROM json_each(NEW.leases_gone));
    DELETE FROM history
        WHERE NEW.histories_gone IS NOT NULL AND id IN (SELECT value FROM json_each(NEW.histories_gone));
    DELETE FROM result
        WHERE NEW.results_gone IS NOT NULL AND id IN (SELECT value FROM json_each(NEW.results_gone));
    INSERT INTO meta (key, value, sum)
        SELECT e.value->>0, e.value->>1, e.value->>2
        FROM json_each(NEW.meta) e WHERE NEW.meta IS NOT NULL
        ON CONFLICT (key) DO UPDATE SET value = excluded.value, sum = excluded.sum;
    INSERT OR REPLACE INTO job (no, id, ended, wall_ms, sum, state)
        SELECT e.value->>0, substr(NEW.blob, e.value->>1, 16), e.value->>2, e.value->>3,
            e.value->>4, substr(NEW.blob, e.value->>5, e.value->>6)
        FROM json_each(NEW.jobs) e WHERE NEW.jobs IS NOT NULL;
    INSERT OR REPLACE INTO spec (no, sum, value)
        SELECT e.value->>0, e.value->>1, substr(NEW.blob, e.value->>2, e.value->>3)
        FROM json_each(NEW.specs) e WHERE NEW.specs IS NOT NULL;
    INSERT OR REPLACE INTO lease (id, count, sum, value)
        SELECT e.value->>0, e.value->>1, e.value->>2, substr(NEW.blob, e.value->>3, e.value->>4)
        FROM json_each(NEW.leases) e WHERE NEW.leases IS NOT NULL;
    INSERT OR REPLACE INTO history (id, count, sum, value)
        SELECT e.value->>0, e.value->>1, e.value->>2, substr(NEW.blob, e.value->>3, e.value->>4)
        FROM json_each(NEW.histories) e WHERE NEW.histories IS NOT NULL;
    INSERT INTO result (id, count, sum, value)
        SELECT e.value->>0, e.value->>1, e.value->>2, substr(NEW.blob, e.value->>3, e.value->>4)
        FROM json_each(NEW.results) e WHERE NEW.results IS NOT NULL;
    INSERT INTO blob (digest, refs, sum)
        SELECT substr(NEW.blob, e.value->>0, 32), e.value->>1, e.value->>2
        FROM json_each(NEW.blobs) e WHERE NEW.blobs IS NOT NULL
        ON CONFLICT (digest) DO UPDATE SET refs = excluded.refs, sum = excluded.sum;
    DELETE FROM blob
        WHERE NEW.blobs_gone IS NOT NULL AND digest IN (SELECT substr(NEW.blob, value, 32) FROM json_each(NEW.blobs_gone));
    DELETE FROM name
        WHERE NEW.names IS NOT NULL AND name IN (SELECT e.value->>0 FROM json_each(NEW.names) e);
    INSERT INTO name (name, digest, bytes, wall_ms, sum)
        SELECT e.value->>0, substr(NEW.blob, e.value->>1, 32), e.value->>2, e.value->>3, e.value->>4
        FROM json_each(NEW.names) e WHERE NEW.names IS NOT NULL AND json_array_length(e.value) > 1;
    DELETE FROM machine
        WHERE NEW.machines IS NOT NULL AND id IN (SELECT substr(NEW.blob, e.value->>0, 16) FROM json_each(NEW.machines) e);
    INSERT INTO machine (id, sum, value)
        SELECT substr(NEW.blob, e.value->>0, 16), e.value->>1, substr(NEW.blob, e.value->>2, e.value->>3)
        FROM json_each(NEW.machines) e WHERE NEW.machines IS NOT NULL AND json_array_length(e.value) > 1;
    DELETE FROM registry
        WHERE NEW.registry IS NOT NULL AND key IN (SELECT substr(NEW.blob, e.value->>0, 17) FROM json_each(NEW.registry) e);
    INSERT INTO registry (key, sum, value)
        SELECT substr(NEW.blob, e.value->>0, 17), e.value->>1, substr(NEW.blob, e.value->>2, e.value->>3)
        FROM json_each(NEW.registry) e WHERE NEW.registry IS NOT NULL AND json_array_length(e.value) > 1;
END;
