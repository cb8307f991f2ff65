-- The index of the audit log: rebuilt from the log at any time, so nothing here is the only copy of anything.
-- Times are microseconds since 1970 in UTC; money is pico-USD. Everything stands in the schema `weir`, made before.
-- A gateway's role needs no more than to fill the staging tables and to call `position` and `apply`.

CREATE TABLE weir.calls (
  time_us BIGINT NOT NULL,
  record_id UUID NOT NULL,
  tenant TEXT NOT NULL,
  app TEXT,
  team TEXT,
  key_id TEXT,
  subject_ref TEXT,
  purpose TEXT,
  cost_center TEXT,
  conversation TEXT,
  endpoint TEXT NOT NULL,
  route TEXT,
  requested_model TEXT,
  policy_set TEXT NOT NULL,
  retention TEXT,
  stream BIGINT NOT NULL,
  request_bytes BIGINT NOT NULL,
  source UUID NOT NULL,
  lane BIGINT NOT NULL,
  node_id TEXT NOT NULL,
  boot_id UUID NOT NULL,
  intent_seq BIGINT NOT NULL,
  intent_hash BYTEA NOT NULL,
  shed BIGINT NOT NULL,
  state TEXT NOT NULL,
  end_us BIGINT,
  end_seq BIGINT,
  end_hash BYTEA,
  end_shed BIGINT,
  decision TEXT,
  status BIGINT,
  error TEXT,
  stream_state TEXT,
  answered_model TEXT,
  upstream TEXT,
  provider TEXT,
  region TEXT,
  input_tokens BIGINT,
  output_tokens BIGINT,
  cost_pico BIGINT,
  energy_min_kwh DOUBLE PRECISION,
  energy_max_kwh DOUBLE PRECISION,
  gwp_min_kg DOUBLE PRECISION,
  gwp_max_kg DOUBLE PRECISION,
  latency_us BIGINT,
  reply_bytes BIGINT,
  hits TEXT,
  review TEXT,
  erased_us BIGINT,
  PRIMARY KEY (time_us, record_id)
) PARTITION BY RANGE (time_us);

CREATE INDEX calls_brin ON weir.calls USING brin (time_us);
CREATE INDEX calls_id ON weir.calls (record_id);
-- What stands behind the id in an index is looked at there, without a look at the row: so a question that matches
-- few calls among many stays cheap.
CREATE INDEX calls_tenant ON weir.calls (tenant, time_us, record_id, upstream, status, decision, cost_pico);
CREATE INDEX calls_app ON weir.calls (app, time_us, record_id, tenant) WHERE app IS NOT NULL;
CREATE INDEX calls_key ON weir.calls (key_id, time_us, record_id, tenant) WHERE key_id IS NOT NULL;
CREATE INDEX calls_subject ON weir.calls (subject_ref, time_us, record_id) WHERE subject_ref IS NOT NULL;
CREATE INDEX calls_upstream ON weir.calls (upstream, time_us, record_id, status, decision, cost_pico)
  WHERE upstream IS NOT NULL;
CREATE INDEX calls_decision ON weir.calls (decision, time_us, record_id, tenant, upstream)
  WHERE decision <> 'allow';
CREATE INDEX calls_status ON weir.calls (status, time_us, record_id, tenant, upstream)
  WHERE status >= 400;
CREATE INDEX calls_state ON weir.calls (state, time_us, record_id) WHERE state <> 'completed';
CREATE INDEX calls_review ON weir.calls (review, time_us, record_id, tenant) WHERE review IS NOT NULL;

-- What a call has several of: rules that hit, labels found, models asked for and answered.
CREATE TABLE weir.terms (
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  time_us BIGINT NOT NULL,
  record_id UUID NOT NULL,
  tenant TEXT NOT NULL,
  PRIMARY KEY (kind, value, time_us, record_id) INCLUDE (tenant)
) PARTITION BY RANGE (time_us);

CREATE TABLE weir.events (
  time_us BIGINT NOT NULL,
  record_id UUID PRIMARY KEY,
  kind TEXT NOT NULL,
  tenant TEXT NOT NULL,
  actor TEXT,
  call_id UUID,
  subject_ref TEXT,
  body TEXT NOT NULL,
  source UUID NOT NULL,
  lane BIGINT NOT NULL,
  node_id TEXT NOT NULL,
  node_seq BIGINT NOT NULL,
  hash BYTEA NOT NULL
);

CREATE INDEX events_time ON weir.events (time_us, record_id);
CREATE INDEX events_call ON weir.events (call_id, time_us, record_id) WHERE call_id IS NOT NULL;
CREATE INDEX events_erasure ON weir.events (subject_ref) WHERE kind = 'erasure';

-- The newest review of a call, also of one whose own records are yet to come from another lane.
CREATE TABLE weir.reviews (
  call_id UUID PRIMARY KEY,
  state TEXT NOT NULL,
  time_us BIGINT NOT NULL
);

-- Calls without an end, with the time that names the partition they are in.
CREATE TABLE weir.open_calls (
  record_id UUID PRIMARY KEY,
  source UUID NOT NULL,
  time_us BIGINT NOT NULL,
  tenant TEXT NOT NULL
);

-- How far each lane is indexed; moves in the transaction that writes the rows.
CREATE TABLE weir.watermarks (
  source UUID NOT NULL,
  lane BIGINT NOT NULL,
  seq BIGINT NOT NULL DEFAULT 0,
  hash BYTEA NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
  time_us BIGINT NOT NULL DEFAULT 0,
  skipped BIGINT NOT NULL DEFAULT 0,
  intents BIGINT NOT NULL DEFAULT 0,
  completions BIGINT NOT NULL DEFAULT 0,
  abandoned BIGINT NOT NULL DEFAULT 0,
  orphans BIGINT NOT NULL DEFAULT 0,
  pruned BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (source, lane)
);

-- Staging: filled by COPY and emptied by `apply` in one transaction, so nobody ever sees a row here.
CREATE UNLOGGED TABLE weir.stage_calls (
  batch UUID NOT NULL,
  time_us BIGINT NOT NULL,
  record_id UUID NOT NULL,
  tenant TEXT NOT NULL,
  app TEXT,
  team TEXT,
  key_id TEXT,
  subject_ref TEXT,
  purpose TEXT,
  cost_center TEXT,
  conversation TEXT,
  endpoint TEXT NOT NULL,
  route TEXT,
  requested_model TEXT,
  policy_set TEXT NOT NULL,
  retention TEXT,
  stream BIGINT NOT NULL,
  request_bytes BIGINT NOT NULL,
  source UUID NOT NULL,
  lane BIGINT NOT NULL,
  node_id TEXT NOT NULL,
  boot_id UUID NOT NULL,
  intent_seq BIGINT NOT NULL,
  intent_hash BYTEA NOT NULL,
  shed BIGINT NOT NULL,
  state TEXT NOT NULL,
  end_us BIGINT,
  end_seq BIGINT,
  end_hash BYTEA,
  end_shed BIGINT,
  decision TEXT,
  status BIGINT,
  error TEXT,
  stream_state TEXT,
  answered_model TEXT,
  upstream TEXT,
  provider TEXT,
  region TEXT,
  input_tokens BIGINT,
  output_tokens BIGINT,
  cost_pico BIGINT,
  energy_min_kwh DOUBLE PRECISION,
  energy_max_kwh DOUBLE PRECISION,
  gwp_min_kg DOUBLE PRECISION,
  gwp_max_kg DOUBLE PRECISION,
  latency_us BIGINT,
  reply_bytes BIGINT,
  hits TEXT,
  review TEXT,
  erased_us BIGINT
);
CREATE UNLOGGED TABLE weir.stage_ends (
  batch UUID NOT NULL,
  call_id UUID NOT NULL,
  state TEXT NOT NULL,
  end_us BIGINT,
  end_seq BIGINT,
  end_hash BYTEA,
  end_shed BIGINT,
  decision TEXT,
  status BIGINT,
  error TEXT,
  stream_state TEXT,
  answered_model TEXT,
  upstream TEXT,
  provider TEXT,
  region TEXT,
  input_tokens BIGINT,
  output_tokens BIGINT,
  cost_pico BIGINT,
  energy_min_kwh DOUBLE PRECISION,
  energy_max_kwh DOUBLE PRECISION,
  gwp_min_kg DOUBLE PRECISION,
  gwp_max_kg DOUBLE PRECISION,
  latency_us BIGINT,
  reply_bytes BIGINT,
  hits TEXT,
  review TEXT
);
-- Without a time and a tenant: of a call that an earlier batch has written.
CREATE UNLOGGED TABLE weir.stage_terms (
  batch UUID NOT NULL,
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  time_us BIGINT,
  record_id UUID NOT NULL,
  tenant TEXT
);
CREATE UNLOGGED TABLE weir.stage_events (batch UUID NOT NULL, LIKE weir.events);

-- Rows that are gone are passed over by the index until they are swept up.
CREATE INDEX ON weir.stage_calls (batch);
CREATE INDEX ON weir.stage_ends (batch);
CREATE INDEX ON weir.stage_terms (batch);
CREATE INDEX ON weir.stage_events (batch);
ALTER TABLE weir.stage_calls SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
ALTER TABLE weir.stage_ends SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
ALTER TABLE weir.stage_terms SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

-- The partitions of the month that a time lies in. They are made beside the tables and attached, which readers
-- need not wait for.
CREATE FUNCTION weir.make_month(p_time BIGINT) RETURNS VOID LANGUAGE plpgsql
SET search_path = weir, pg_temp AS $$
DECLARE
  first TIMESTAMP := date_trunc('month', to_timestamp(p_time / 1000000) AT TIME ZONE 'UTC');
  low BIGINT := extract(epoch FROM first)::BIGINT * 1000000;
  high BIGINT := extract(epoch FROM first + INTERVAL '1 month')::BIGINT * 1000000;
  parent TEXT;
  part TEXT;
BEGIN
  IF to_regclass('weir.terms_' || to_char(first, 'YYYYMM')) IS NOT NULL THEN
    RETURN;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('weir.make_month'));
  FOREACH parent IN ARRAY ARRAY['calls', 'terms'] LOOP
    part := parent || '_' || to_char(first, 'YYYYMM');
    IF to_regclass('weir.' || part) IS NULL THEN
      EXECUTE format('CREATE TABLE weir.%I (LIKE weir.%I INCLUDING DEFAULTS)', part, parent);
      EXECUTE format('ALTER TABLE weir.%I ATTACH PARTITION weir.%I FOR VALUES FROM (%s) TO (%s)', parent, part, low, high);
    END IF;
  END LOOP;
END $$;

-- How far a lane is indexed.
CREATE FUNCTION weir.position(p_source UUID, p_lane BIGINT) RETURNS SETOF weir.watermarks
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = weir, pg_temp AS $$
  SELECT * FROM weir.watermarks WHERE source = p_source AND lane = p_lane
$$;

-- Takes the data of a subject out of the rows.
CREATE FUNCTION weir.erase(p_tenant TEXT, p_subject TEXT, p_time BIGINT) RETURNS BIGINT
LANGUAGE plpgsql SECURITY DEFINER SET search_path = weir, pg_temp AS $$
DECLARE
  changed BIGINT;
BEGIN
  UPDATE weir.calls SET erased_us = p_time, subject_ref = NULL, conversation = NULL
    WHERE subject_ref = p_subject AND tenant = p_tenant;
  GET DIAGNOSTICS changed = ROW_COUNT;
  RETURN changed;
END $$;

-- Moves a staged batch into the tables, and the position with it; how many ends found no open call.
-- WR001: the position is another one. WR002: a record is indexed with other content; the message is its number.
-- Joins by index only: the staged rows are few, and no plan may ever read all calls.
CREATE FUNCTION weir.apply(
  p_batch UUID, p_source UUID, p_lane BIGINT, p_from_seq BIGINT, p_from_hash BYTEA, p_seq BIGINT, p_hash BYTEA,
  p_time BIGINT, p_skipped BIGINT, p_intents BIGINT, p_completions BIGINT, p_abandoned BIGINT, p_orphans BIGINT
) RETURNS BIGINT LANGUAGE plpgsql SECURITY DEFINER
SET search_path = weir, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off AS $$
DECLARE
  known weir.watermarks;
  staged BIGINT;
  added BIGINT;
  v_orphans BIGINT := p_orphans;
  wrong BIGINT;
BEGIN
  INSERT INTO weir.watermarks (source, lane) VALUES (p_source, p_lane) ON CONFLICT DO NOTHING;
  SELECT * INTO known FROM weir.watermarks WHERE source = p_source AND lane = p_lane FOR UPDATE;
  IF known.seq <> p_from_seq OR known.hash <> p_from_hash THEN
    RAISE EXCEPTION 'moved' USING ERRCODE = 'WR001';
  END IF;

  -- Reviews come first: they may be about calls of this batch.
  INSERT INTO weir.reviews AS r (call_id, state, time_us)
    SELECT DISTINCT ON (call_id) call_id, body::jsonb ->> 'state', time_us FROM weir.stage_events
      WHERE batch = p_batch AND kind = 'review' ORDER BY call_id, time_us DESC, node_seq DESC
    ON CONFLICT (call_id) DO UPDATE SET state = EXCLUDED.state, time_us = EXCLUDED.time_us
      WHERE EXCLUDED.time_us >= r.time_us;

  -- A call may be indexed after its subject's erasure: its lane was behind, or the index is built anew.
  UPDATE weir.stage_calls s SET erased_us = e.time_us, subject_ref = NULL, conversation = NULL
    FROM weir.events e WHERE s.batch = p_batch AND s.subject_ref IS NOT NULL
      AND e.kind = 'erasure' AND e.subject_ref = s.subject_ref AND e.tenant = s.tenant;

  SELECT count(*) INTO staged FROM weir.stage_calls WHERE batch = p_batch;
  IF staged > 0 THEN
    PERFORM weir.make_month(month) FROM (
      SELECT DISTINCT extract(epoch FROM date_trunc('month', to_timestamp(time_us / 1000000) AT TIME ZONE 'UTC'))::BIGINT
        * 1000000 AS month FROM weir.stage_calls WHERE batch = p_batch) months;
    -- One ahead, so that the first call of a month waits for nothing.
    PERFORM weir.make_month(max(time_us) + 31 * 86400000000) FROM weir.stage_calls WHERE batch = p_batch;
  END IF;
  WITH rows AS (
    INSERT INTO weir.calls (
        time_us, record_id, tenant, app, team, key_id, subject_ref, purpose, cost_center, conversation,
        endpoint, route, requested_model, policy_set, retention, stream, request_bytes, source, lane,
        node_id, boot_id, intent_seq, intent_hash, shed, state, end_us, end_seq, end_hash, end_shed,
        decision, status, error, stream_state, answered_model, upstream, provider, region, input_tokens,
        output_tokens, cost_pico, energy_min_kwh, energy_max_kwh, gwp_min_kg, gwp_max_kg, latency_us,
        reply_bytes, hits, review, erased_us)
      SELECT
        s.time_us, s.record_id, s.tenant, s.app, s.team, s.key_id, s.subject_ref, s.purpose, s.cost_center,
        s.conversation, s.endpoint, s.route, s.requested_model, s.policy_set, s.retention, s.stream,
        s.request_bytes, s.source, s.lane, s.node_id, s.boot_id, s.intent_seq, s.intent_hash, s.shed,
        s.state, s.end_us, s.end_seq, s.end_hash, s.end_shed, s.decision, s.status, s.error,
        s.stream_state, s.answered_model, s.upstream, s.provider, s.region, s.input_tokens,
        s.output_tokens, s.cost_pico, s.energy_min_kwh, s.energy_max_kwh, s.gwp_min_kg, s.gwp_max_kg,
        s.latency_us, s.reply_bytes, s.hits, COALESCE(r.state, s.review), s.erased_us
      FROM weir.stage_calls s LEFT JOIN weir.reviews r ON r.call_id = s.record_id WHERE s.batch = p_batch
      ON CONFLICT (time_us, record_id) DO NOTHING RETURNING record_id, source, time_us, tenant, state
  ), opened AS (
    INSERT INTO weir.open_calls SELECT record_id, source, time_us, tenant FROM rows WHERE state = 'open'
      ON CONFLICT DO NOTHING
  ) SELECT count(*) INTO added FROM rows;

  IF added < staged THEN
    -- Indexed before, and the position was set back since: the same intents, which may have ended since.
    SELECT min(s.intent_seq) INTO wrong FROM weir.stage_calls s JOIN weir.calls c USING (time_us, record_id)
      WHERE s.batch = p_batch AND c.intent_hash <> s.intent_hash;
    IF wrong IS NOT NULL THEN
      RAISE EXCEPTION '%', wrong USING ERRCODE = 'WR002';
    END IF;
    INSERT INTO weir.stage_ends (batch, call_id,
        state, end_us, end_seq, end_hash, end_shed, decision, status, error, stream_state, answered_model,
        upstream, provider, region, input_tokens, output_tokens, cost_pico, energy_min_kwh, energy_max_kwh,
        gwp_min_kg, gwp_max_kg, latency_us, reply_bytes, hits, review)
      SELECT p_batch, s.record_id,
        s.state, s.end_us, s.end_seq, s.end_hash, s.end_shed, s.decision, s.status, s.error,
        s.stream_state, s.answered_model, s.upstream, s.provider, s.region, s.input_tokens,
        s.output_tokens, s.cost_pico, s.energy_min_kwh, s.energy_max_kwh, s.gwp_min_kg, s.gwp_max_kg,
        s.latency_us, s.reply_bytes, s.hits, s.review
      FROM weir.stage_calls s JOIN weir.calls c USING (time_us, record_id)
      WHERE s.batch = p_batch AND s.end_seq IS NOT NULL AND (c.end_seq, c.end_hash) IS DISTINCT FROM (s.end_seq, s.end_hash);
  END IF;

  UPDATE weir.calls c SET
      state = e.state, end_us = e.end_us, end_seq = e.end_seq, end_hash = e.end_hash,
      end_shed = e.end_shed, decision = e.decision, status = e.status, error = e.error,
      stream_state = e.stream_state, answered_model = e.answered_model, upstream = e.upstream,
      provider = e.provider, region = e.region, input_tokens = e.input_tokens,
      output_tokens = e.output_tokens, cost_pico = e.cost_pico, energy_min_kwh = e.energy_min_kwh,
      energy_max_kwh = e.energy_max_kwh, gwp_min_kg = e.gwp_min_kg, gwp_max_kg = e.gwp_max_kg,
      latency_us = e.latency_us, reply_bytes = e.reply_bytes, hits = e.hits,
      review = COALESCE(c.review, e.review)
    FROM weir.stage_ends e JOIN weir.open_calls o ON o.record_id = e.call_id
    WHERE e.batch = p_batch AND c.time_us = o.time_us AND c.record_id = o.record_id;
  INSERT INTO weir.terms (kind, value, time_us, record_id, tenant)
    SELECT t.kind, t.value, COALESCE(t.time_us, o.time_us), t.record_id, COALESCE(t.tenant, o.tenant)
      FROM weir.stage_terms t LEFT JOIN weir.open_calls o ON t.time_us IS NULL AND o.record_id = t.record_id
      WHERE t.batch = p_batch AND COALESCE(t.time_us, o.time_us) IS NOT NULL
    ON CONFLICT DO NOTHING;
  WITH ended AS (
    DELETE FROM weir.open_calls o USING weir.stage_ends e
      WHERE e.batch = p_batch AND o.record_id = e.call_id RETURNING o.record_id
  ) DELETE FROM weir.stage_ends e USING ended WHERE e.batch = p_batch AND e.call_id = ended.record_id;

  -- What is left found no open call: the same end again, another one in its place, or one too many.
  SELECT min(e.end_seq) INTO wrong FROM weir.stage_ends e JOIN weir.calls c ON c.record_id = e.call_id
    WHERE e.batch = p_batch AND c.end_seq = e.end_seq AND c.end_hash <> e.end_hash;
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION '%', wrong USING ERRCODE = 'WR002';
  END IF;
  SELECT v_orphans + count(*) INTO v_orphans FROM weir.stage_ends e WHERE e.batch = p_batch
    AND NOT EXISTS (SELECT 1 FROM weir.calls c WHERE c.record_id = e.call_id AND c.end_seq = e.end_seq);

  SELECT min(s.node_seq) INTO wrong FROM weir.stage_events s JOIN weir.events e USING (record_id)
    WHERE s.batch = p_batch AND e.hash <> s.hash;
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION '%', wrong USING ERRCODE = 'WR002';
  END IF;
  INSERT INTO weir.events
    SELECT time_us, record_id, kind, tenant, actor, call_id, subject_ref, body, source, lane, node_id, node_seq, hash
      FROM weir.stage_events WHERE batch = p_batch ON CONFLICT DO NOTHING;
  UPDATE weir.calls c SET review = r.state FROM weir.stage_events s JOIN weir.reviews r ON r.call_id = s.call_id
    WHERE s.batch = p_batch AND s.kind = 'review' AND c.record_id = s.call_id;
  PERFORM weir.erase(tenant, subject_ref, time_us) FROM weir.stage_events
    WHERE batch = p_batch AND kind = 'erasure' AND subject_ref IS NOT NULL;

  UPDATE weir.watermarks SET seq = p_seq, hash = p_hash, time_us = p_time, skipped = p_skipped, intents = p_intents,
      completions = p_completions, abandoned = p_abandoned, orphans = v_orphans
    WHERE source = p_source AND lane = p_lane;
  DELETE FROM weir.stage_calls WHERE batch = p_batch;
  DELETE FROM weir.stage_ends WHERE batch = p_batch;
  DELETE FROM weir.stage_terms WHERE batch = p_batch;
  DELETE FROM weir.stage_events WHERE batch = p_batch;
  RETURN v_orphans;
END $$;

-- Deletes all that is indexed of one log.
CREATE FUNCTION weir.clear(p_source UUID) RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER SET search_path = weir, pg_temp AS $$
BEGIN
  -- Whoever ships this log waits here, or has finished.
  PERFORM 1 FROM weir.watermarks WHERE source = p_source FOR UPDATE;
  DELETE FROM weir.terms t USING weir.calls c
    WHERE c.source = p_source AND c.time_us = t.time_us AND c.record_id = t.record_id;
  DELETE FROM weir.reviews r USING weir.events e WHERE e.source = p_source AND e.call_id = r.call_id;
  DELETE FROM weir.calls WHERE source = p_source;
  DELETE FROM weir.open_calls WHERE source = p_source;
  DELETE FROM weir.events WHERE source = p_source;
  DELETE FROM weir.watermarks WHERE source = p_source;
END $$;

-- Drops the months that end at a time or before; how many calls were in them. An erasure outlives the calls it is
-- about: the index may be built anew from a log that still has them.
CREATE FUNCTION weir.drop_before(p_time BIGINT) RETURNS BIGINT
LANGUAGE plpgsql SECURITY DEFINER SET search_path = weir, pg_temp AS $$
DECLARE
  part TEXT;
  high BIGINT;
  highest BIGINT;
  dropped BIGINT := 0;
  here BIGINT;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('weir.make_month'));
  FOR part IN SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
      WHERE inhparent = 'weir.calls'::regclass ORDER BY relname LOOP
    high := extract(epoch FROM to_date(right(part, 6), 'YYYYMM') + INTERVAL '1 month')::BIGINT * 1000000;
    CONTINUE WHEN high > p_time;
    EXECUTE format('SELECT count(*) FROM weir.%I', part) INTO here;
    EXECUTE format(
      'UPDATE weir.watermarks w SET pruned = pruned + n FROM (SELECT source, lane, count(*) AS n FROM weir.%I '
      'GROUP BY source, lane) c WHERE c.source = w.source AND c.lane = w.lane', part);
    EXECUTE format('DELETE FROM weir.reviews r USING weir.%I c WHERE c.record_id = r.call_id', part);
    EXECUTE format('DROP TABLE weir.%I', part);
    EXECUTE format('DROP TABLE IF EXISTS weir.%I', 'terms_' || right(part, 6));
    dropped := dropped + here;
    highest := greatest(highest, high);
  END LOOP;
  DELETE FROM weir.open_calls WHERE time_us < highest;
  DELETE FROM weir.events WHERE time_us < highest AND kind <> 'erasure';
  RETURN dropped;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA weir FROM PUBLIC;
