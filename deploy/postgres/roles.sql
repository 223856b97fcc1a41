-- Roles with only the rights that each service needs. Run it as a superuser in the platform's database, with any client:
--
--     psql --dbname scalpbot --file deploy/postgres/roles.sql     makes the roles
--     scalpbot db upgrade                                         as scalpbot_owner: makes the tables, which it owns
--     psql --dbname scalpbot --file deploy/postgres/roles.sql     grants what the tables allow
--
-- It may be run at any time and as often as you like, and is to be run again after every `scalpbot db upgrade`.
-- No role has a password until you give it one (psql: \password scalpbot_ingest). Roles belong to the whole server, rights
-- to this database.

DO $roles$
DECLARE
    roles CONSTANT text[] := ARRAY[
        'scalpbot_ingest', 'scalpbot_strategy', 'scalpbot_executor', 'scalpbot_api', 'scalpbot_backup',
        'scalpbot_upkeep', 'scalpbot_owner'
    ];
    role text;
BEGIN
    FOREACH role IN ARRAY roles LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', role);
        END IF;
    END LOOP;
END
$roles$;

DO $grants$
DECLARE
    services CONSTANT text := 'scalpbot_ingest, scalpbot_strategy, scalpbot_executor, scalpbot_api';
    -- Whoever takes backups reads everything and writes nothing; whoever prunes deletes what is old and nothing else.
    everybody CONSTANT text := services || ', scalpbot_backup, scalpbot_upkeep';
    granted record;
    owned record;
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO scalpbot_owner, %s', current_database(), everybody);
    REVOKE ALL ON SCHEMA public FROM PUBLIC;
    GRANT USAGE, CREATE ON SCHEMA public TO scalpbot_owner;
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %s', everybody);

    CREATE TEMPORARY TABLE wanted (table_name text, rights text, roles text) ON COMMIT DROP;
    INSERT INTO wanted VALUES
        ('alembic_version', 'SELECT', everybody),
        -- Market data: ingest writes, all read.
        ('candles', 'SELECT, INSERT', 'scalpbot_ingest'),
        ('candles', 'SELECT', 'scalpbot_strategy, scalpbot_executor, scalpbot_api'),
        ('rejected_candles', 'SELECT, INSERT', 'scalpbot_ingest'),
        ('rejected_candles', 'SELECT', 'scalpbot_api'),
        ('candle_gaps', 'SELECT, INSERT', 'scalpbot_ingest'),
        ('candle_gaps', 'SELECT', 'scalpbot_api'),
        -- What was judged: the strategy service on the market, the executor on the whole.
        ('assessments', 'SELECT, INSERT', 'scalpbot_strategy'),
        ('assessments', 'SELECT', 'scalpbot_executor, scalpbot_api'),
        ('assessed_by', 'SELECT, INSERT', 'scalpbot_strategy'),
        ('assessed_by', 'SELECT', 'scalpbot_executor, scalpbot_api'),
        ('gate_snapshots', 'SELECT, INSERT', 'scalpbot_executor'),
        ('gate_snapshots', 'SELECT', 'scalpbot_api'),
        ('judged_by', 'SELECT, INSERT', 'scalpbot_executor'),
        ('judged_by', 'SELECT', 'scalpbot_api'),
        -- The views for people read with the rights of their owner.
        ('verdicts', 'SELECT', 'scalpbot_executor, scalpbot_api'),
        ('indicators', 'SELECT', 'scalpbot_executor, scalpbot_api'),
        -- The ledger is the executor's.
        ('trades', 'SELECT, INSERT, UPDATE', 'scalpbot_executor'),
        ('trades', 'SELECT', 'scalpbot_api'),
        ('positions', 'SELECT, INSERT, DELETE', 'scalpbot_executor'),
        ('positions', 'SELECT', 'scalpbot_api'),
        ('account_events', 'SELECT, INSERT', 'scalpbot_executor'),
        ('account_events', 'SELECT', 'scalpbot_api'),
        ('daily_stats', 'SELECT, INSERT, UPDATE', 'scalpbot_executor'),
        ('daily_stats', 'SELECT', 'scalpbot_api'),
        ('equity', 'SELECT, INSERT', 'scalpbot_executor'),
        ('equity', 'SELECT', 'scalpbot_api'),
        ('applied_quotes', 'SELECT, INSERT', 'scalpbot_executor'),
        ('applied_quotes', 'SELECT', 'scalpbot_api'),
        -- What operators ask for: whoever may send it adds a row, the executor carries it out.
        ('commands', 'SELECT, INSERT, UPDATE', 'scalpbot_executor'),
        ('commands', 'SELECT, INSERT, UPDATE (idempotency_key)', 'scalpbot_api'),
        ('holds', 'SELECT, INSERT, UPDATE', 'scalpbot_executor'),
        ('holds', 'SELECT', 'scalpbot_api'),
        -- Versions of the parameters: the API adds one, the executor puts it into force, the strategy service goes by it.
        ('strategy_params', 'SELECT', 'scalpbot_strategy'),
        ('strategy_params', 'SELECT, UPDATE (activated_ts_utc, activated_command_id)', 'scalpbot_executor'),
        ('strategy_params', 'SELECT, INSERT', 'scalpbot_api'),
        -- Who may sign in is the API's and nobody else's.
        ('users', 'SELECT, INSERT, UPDATE', 'scalpbot_api'),
        ('sessions', 'SELECT, INSERT, UPDATE, DELETE', 'scalpbot_api'),
        ('second_factors', 'SELECT, INSERT, UPDATE, DELETE', 'scalpbot_api'),
        ('recovery_codes', 'SELECT, INSERT, DELETE', 'scalpbot_api'),
        ('api_tokens', 'SELECT, INSERT, UPDATE', 'scalpbot_api'),
        -- But whoever finds that the database was restored ends them all: some were ended already.
        ('sessions', 'SELECT (revoked_at), UPDATE (revoked_at)', 'scalpbot_executor'),
        ('api_tokens', 'SELECT (revoked_at), UPDATE (revoked_at)', 'scalpbot_executor'),
        ('login_attempts', 'SELECT, INSERT, UPDATE, DELETE', 'scalpbot_api'),
        -- The audit log only grows, whoever writes.
        ('audit_log', 'SELECT, INSERT', 'scalpbot_executor, scalpbot_api'),
        -- The services' own state. Locking a row asks for the right to update it.
        ('settings', 'SELECT', 'scalpbot_executor'),
        ('settings', 'SELECT, INSERT', 'scalpbot_ingest, scalpbot_strategy, scalpbot_api'),
        ('cursors', 'SELECT, INSERT, UPDATE', 'scalpbot_strategy, scalpbot_executor'),
        ('cursors', 'SELECT', 'scalpbot_ingest, scalpbot_api'),
        ('snapshots', 'SELECT, INSERT, UPDATE', 'scalpbot_ingest, scalpbot_strategy, scalpbot_executor'),
        ('snapshots', 'SELECT', 'scalpbot_api'),
        ('outbox', 'SELECT, INSERT, UPDATE (sent_at), DELETE', 'scalpbot_ingest, scalpbot_strategy, scalpbot_executor'),
        ('outbox', 'SELECT', 'scalpbot_api'),
        ('leases', 'SELECT, INSERT, UPDATE', 'scalpbot_ingest, scalpbot_strategy, scalpbot_executor'),
        ('leases', 'SELECT', 'scalpbot_api'),
        ('service_heartbeats', 'SELECT, INSERT, UPDATE, DELETE', services),
        -- Pruning deletes what follows from the candles, once it was proven; that needs the ledger, to be read.
        ('candles', 'SELECT, DELETE', 'scalpbot_upkeep'),
        ('candle_gaps', 'SELECT, DELETE', 'scalpbot_upkeep'),
        ('assessments', 'SELECT, DELETE', 'scalpbot_upkeep'),
        ('gate_snapshots', 'SELECT, DELETE', 'scalpbot_upkeep'),
        ('assessed_by', 'SELECT', 'scalpbot_upkeep'),
        ('judged_by', 'SELECT', 'scalpbot_upkeep'),
        ('equity', 'SELECT, DELETE', 'scalpbot_upkeep'),
        ('trades', 'SELECT', 'scalpbot_upkeep'),
        ('positions', 'SELECT', 'scalpbot_upkeep'),
        ('account_events', 'SELECT', 'scalpbot_upkeep'),
        ('daily_stats', 'SELECT', 'scalpbot_upkeep'),
        ('applied_quotes', 'SELECT', 'scalpbot_upkeep'),
        ('holds', 'SELECT', 'scalpbot_upkeep'),
        ('strategy_params', 'SELECT', 'scalpbot_upkeep'),
        ('settings', 'SELECT', 'scalpbot_upkeep'),
        ('cursors', 'SELECT', 'scalpbot_upkeep'),
        ('snapshots', 'SELECT, INSERT, UPDATE', 'scalpbot_upkeep'),
        ('leases', 'SELECT, INSERT, UPDATE', 'scalpbot_upkeep'),
        ('service_heartbeats', 'SELECT, INSERT, UPDATE, DELETE', 'scalpbot_upkeep'),
        ('audit_log', 'SELECT, INSERT', 'scalpbot_upkeep');
    INSERT INTO wanted SELECT DISTINCT table_name, 'SELECT', 'scalpbot_backup' FROM wanted;

    -- What an earlier version granted and this one does not is taken back; nobody sees the time between.
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, %s', everybody);
    EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, %s', everybody);
    FOR owned IN SELECT DISTINCT to_regclass('public.' || table_name) AS id FROM wanted LOOP
        -- Changing an owner locks the table, even to the one it has; running services would run into that.
        CONTINUE WHEN owned.id IS NULL
            OR (SELECT relowner::regrole::text FROM pg_class WHERE oid = owned.id) = 'scalpbot_owner';
        EXECUTE format('ALTER TABLE %s OWNER TO scalpbot_owner', owned.id);
    END LOOP;
    FOR owned IN
        SELECT DISTINCT trigger.tgfoid::regprocedure AS id
        FROM pg_trigger AS trigger JOIN wanted ON trigger.tgrelid = to_regclass('public.' || wanted.table_name)
        WHERE NOT trigger.tgisinternal
    LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO scalpbot_owner', owned.id);
    END LOOP;

    FOR granted IN SELECT to_regclass('public.' || table_name) AS id, rights, roles FROM wanted LOOP
        CONTINUE WHEN granted.id IS NULL;
        EXECUTE format('GRANT %s ON %s TO %s', granted.rights, granted.id, granted.roles);
        CONTINUE WHEN granted.rights NOT LIKE '%INSERT%';
        FOR owned IN
            SELECT sequence.oid::regclass AS id
            FROM pg_class AS sequence JOIN pg_depend ON pg_depend.objid = sequence.oid
            WHERE sequence.relkind = 'S' AND pg_depend.refobjid = granted.id AND pg_depend.deptype IN ('a', 'i')
        LOOP
            EXECUTE format('GRANT USAGE ON SEQUENCE %s TO %s', owned.id, granted.roles);
        END LOOP;
    END LOOP;

    -- Of the tables that several services write to, each has its own rows, whatever it is talked into.
    CREATE TEMPORARY TABLE own (table_name text, role text, own_rows text) ON COMMIT DROP;
    INSERT INTO own
        SELECT table_name, 'scalpbot_' || service, format(own_rows, service)
        FROM unnest(ARRAY['ingest', 'strategy', 'executor']) AS service, (VALUES
            ('cursors', 'consumer = %L'),
            -- Ingest keeps what it knows of the candles as ingest.candles, a strategy leads as strategy.0.
            ('snapshots', 'split_part(service, ''.'', 1) = %L'),
            ('leases', 'split_part(name, ''.'', 1) = %L'),
            ('service_heartbeats', 'service = %L')
        ) AS of_service (table_name, own_rows);
    INSERT INTO own VALUES
        ('snapshots', 'scalpbot_upkeep', 'service = ''upkeep'''),
        ('leases', 'scalpbot_upkeep', 'name = ''upkeep'''),
        ('service_heartbeats', 'scalpbot_upkeep', 'service = ''upkeep'''),
        ('service_heartbeats', 'scalpbot_api', 'service = ''api'''),
        ('settings', 'scalpbot_api', 'name = ''first_password'''),
        -- What a run began with is written by whoever comes first, and never again.
        ('settings', 'scalpbot_strategy', 'version = 1 AND name IN (''paper_run'', ''partitions'')'),
        ('settings', 'scalpbot_ingest',
            'version = 1 AND name IN (''paper_run'', ''partitions'') OR name = ''news_calendar''');
    FOR owned IN
        SELECT policyname, tablename FROM pg_policies
        WHERE schemaname = 'public' AND tablename IN (SELECT table_name FROM own)
    LOOP
        EXECUTE format('DROP POLICY %I ON public.%I', owned.policyname, owned.tablename);
    END LOOP;
    FOR owned IN SELECT DISTINCT to_regclass('public.' || table_name) AS id FROM own LOOP
        CONTINUE WHEN owned.id IS NULL;
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', owned.id);
        EXECUTE format('CREATE POLICY all_are_read ON %s FOR SELECT TO %s USING (true)', owned.id, everybody);
    END LOOP;
    FOR owned IN SELECT to_regclass('public.' || table_name) AS id, role, own_rows FROM own LOOP
        CONTINUE WHEN owned.id IS NULL;
        EXECUTE format(
            'CREATE POLICY %I ON %s TO %I USING (%s) WITH CHECK (%4$s)',
            'rows_of_' || owned.role, owned.id, owned.role, owned.own_rows
        );
    END LOOP;
    -- The outbox is filled with COPY, which row security does not allow.
    CREATE OR REPLACE FUNCTION outbox_of_its_producer() RETURNS trigger LANGUAGE plpgsql AS $own$
    DECLARE
        producer CONSTANT text := CASE WHEN TG_OP = 'INSERT' THEN NEW.producer ELSE OLD.producer END;
    BEGIN
        IF current_user LIKE 'scalpbot\_%' AND current_user NOT IN ('scalpbot_owner', 'scalpbot_' || producer) THEN
            RAISE EXCEPTION 'row of % in table "outbox" is not for %', producer, current_user
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    END $own$;
    IF to_regclass('public.outbox') IS NOT NULL THEN
        CREATE OR REPLACE TRIGGER outbox_of_its_producer BEFORE INSERT OR UPDATE OR DELETE ON outbox
            FOR EACH ROW EXECUTE FUNCTION outbox_of_its_producer();
        ALTER FUNCTION outbox_of_its_producer() OWNER TO scalpbot_owner;
    END IF;
    IF to_regclass('public.service_heartbeats') IS NOT NULL THEN
        -- A process that is long gone is forgotten by whoever lives.
        EXECUTE format(
            'CREATE POLICY silent_are_forgotten ON service_heartbeats FOR DELETE TO %s USING (%s)',
            services || ', scalpbot_upkeep', 'seen_at < clock_timestamp() - interval ''1 hour'''
        );
    END IF;

    IF to_regclass('public.audit_log') IS NOT NULL THEN
        REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON audit_log FROM scalpbot_owner;
    END IF;
    -- The file may be run again in the same transaction.
    DROP TABLE wanted, own;
END
$grants$;
