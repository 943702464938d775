"""The policies once more as rules of PostgreSQL; written by `fastness db rls`."""

from alembic import op

revision = "983c24c79016"
down_revision = "5fee0d1e7a34"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    connection.exec_driver_sql(
        "DO $$ DECLARE each record; BEGIN\n    FOR each IN SELECT schemaname, tablename, policyname FROM pg_catalog.pg_policies\n        WHERE policyname LIKE 'fastness\\_%' AND schemaname = 'public'\n    LOOP\n        EXECUTE pg_catalog.format('DROP POLICY %I ON %I.%I', each.policyname, each.schemaname, each.tablename);\n        EXECUTE pg_catalog.format('ALTER TABLE %I.%I NO FORCE ROW LEVEL SECURITY', each.schemaname, each.tablename);\n        EXECUTE pg_catalog.format('ALTER TABLE %I.%I DISABLE ROW LEVEL SECURITY', each.schemaname, each.tablename);\n    END LOOP;\nEND $$"
    )
    connection.exec_driver_sql("""DROP SCHEMA IF EXISTS fastness_rls CASCADE""")
    connection.exec_driver_sql("""CREATE SCHEMA fastness_rls""")
    connection.exec_driver_sql("""GRANT USAGE ON SCHEMA fastness_rls TO PUBLIC""")
    connection.exec_driver_sql("""CREATE FUNCTION fastness_rls.actor() RETURNS jsonb LANGUAGE sql STABLE
RETURN nullif(current_setting('fastness.actor', true), '')::jsonb""")
    connection.exec_driver_sql("""CREATE FUNCTION fastness_rls.passes() RETURNS boolean LANGUAGE sql STABLE
RETURN current_setting('search_path') = 'pg_catalog, public, fastness_rls, pg_temp'
    OR coalesce((nullif(current_setting('fastness.actor', true), '')::jsonb ->> 'passes')::boolean, false)""")
    connection.exec_driver_sql("""ALTER TABLE public.cases ENABLE ROW LEVEL SECURITY""")
    connection.exec_driver_sql("""ALTER TABLE public.cases FORCE ROW LEVEL SECURITY""")
    connection.exec_driver_sql("""CREATE FUNCTION fastness_rls.cases_select(cases public.cases, fastness_actor jsonb) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, fastness_rls, pg_temp AS
$fastness$ SELECT ((EXISTS (SELECT * 
FROM members AS members_1 
WHERE members_1.office_id = cases.office_id AND members_1.user_id = (fastness_actor ->> 'id')::uuid)) OR (EXISTS (SELECT * 
FROM shares 
WHERE shares.case_id = cases.id AND shares.user_id = (fastness_actor ->> 'id')::uuid))) $fastness$""")
    connection.exec_driver_sql("""CREATE FUNCTION fastness_rls.cases_insert(cases public.cases, fastness_actor jsonb) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, fastness_rls, pg_temp AS
$fastness$ SELECT ((EXISTS (SELECT * 
FROM members AS members_1 
WHERE members_1.office_id = cases.office_id AND members_1.user_id = (fastness_actor ->> 'id')::uuid AND members_1.duty IN ('owner', 'editor'))) AND cases.owner_id = (fastness_actor ->> 'id')::uuid) $fastness$""")
    connection.exec_driver_sql("""CREATE FUNCTION fastness_rls.cases_update(cases public.cases, fastness_actor jsonb) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, fastness_rls, pg_temp AS
$fastness$ SELECT (EXISTS (SELECT * 
FROM members AS members_1 
WHERE members_1.office_id = cases.office_id AND members_1.user_id = (fastness_actor ->> 'id')::uuid AND members_1.duty IN ('owner', 'editor'))) $fastness$""")
    connection.exec_driver_sql("""CREATE FUNCTION fastness_rls.cases_after(cases public.cases, fastness_actor jsonb) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, fastness_rls, pg_temp AS
$fastness$ SELECT ((EXISTS (SELECT * 
FROM members AS members_1 
WHERE members_1.office_id = cases.office_id AND members_1.user_id = (fastness_actor ->> 'id')::uuid)) OR (EXISTS (SELECT * 
FROM shares 
WHERE shares.case_id = cases.id AND shares.user_id = (fastness_actor ->> 'id')::uuid))) $fastness$""")
    connection.exec_driver_sql("""CREATE POLICY fastness_select ON public.cases FOR SELECT
USING (CASE WHEN (SELECT fastness_rls.passes()) THEN true WHEN NOT coalesce((SELECT fastness_rls.actor()) ->> 'is_anonymous' = 'false', false) THEN false ELSE fastness_rls.cases_select(cases.*, (SELECT fastness_rls.actor())) END)""")
    connection.exec_driver_sql("""CREATE POLICY fastness_insert ON public.cases FOR INSERT
WITH CHECK (CASE WHEN (SELECT fastness_rls.passes()) THEN true WHEN NOT coalesce((SELECT fastness_rls.actor()) ->> 'is_anonymous' = 'false', false) THEN false ELSE fastness_rls.cases_insert(cases.*, (SELECT fastness_rls.actor())) END)""")
    connection.exec_driver_sql("""CREATE POLICY fastness_update ON public.cases FOR UPDATE
USING (CASE WHEN (SELECT fastness_rls.passes()) THEN true WHEN NOT coalesce((SELECT fastness_rls.actor()) ->> 'is_anonymous' = 'false', false) THEN false ELSE fastness_rls.cases_update(cases.*, (SELECT fastness_rls.actor())) END) WITH CHECK (CASE WHEN (SELECT fastness_rls.passes()) THEN true WHEN NOT coalesce((SELECT fastness_rls.actor()) ->> 'is_anonymous' = 'false', false) THEN false ELSE fastness_rls.cases_after(cases.*, (SELECT fastness_rls.actor())) END)""")
    connection.exec_driver_sql("""CREATE POLICY fastness_delete ON public.cases FOR DELETE
USING ((SELECT fastness_rls.passes()))""")
    connection.exec_driver_sql("""ALTER TABLE public.fees ENABLE ROW LEVEL SECURITY""")
    connection.exec_driver_sql("""ALTER TABLE public.fees FORCE ROW LEVEL SECURITY""")
    connection.exec_driver_sql("""CREATE FUNCTION fastness_rls.fees_select(fees public.fees, fastness_actor jsonb) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, fastness_rls, pg_temp AS
$fastness$ SELECT (EXISTS (SELECT * 
FROM cases 
WHERE cases.id = fees.case_id AND ((EXISTS (SELECT * 
FROM members AS members_1 
WHERE members_1.office_id = cases.office_id AND members_1.user_id = (fastness_actor ->> 'id')::uuid)) OR (EXISTS (SELECT * 
FROM shares 
WHERE shares.case_id = cases.id AND shares.user_id = (fastness_actor ->> 'id')::uuid))))) $fastness$""")
    connection.exec_driver_sql("""CREATE FUNCTION fastness_rls.fees_insert(fees public.fees, fastness_actor jsonb) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, fastness_rls, pg_temp AS
$fastness$ SELECT (EXISTS (SELECT * 
FROM cases 
WHERE cases.id = fees.case_id AND (EXISTS (SELECT * 
FROM members AS members_1 
WHERE members_1.office_id = cases.office_id AND members_1.user_id = (fastness_actor ->> 'id')::uuid AND members_1.duty IN ('owner', 'editor'))) AND cases.status != 'closed')) $fastness$""")
    connection.exec_driver_sql("""CREATE FUNCTION fastness_rls.fees_update(fees public.fees, fastness_actor jsonb) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, fastness_rls, pg_temp AS
$fastness$ SELECT (EXISTS (SELECT * 
FROM cases 
WHERE cases.id = fees.case_id AND (EXISTS (SELECT * 
FROM members AS members_1 
WHERE members_1.office_id = cases.office_id AND members_1.user_id = (fastness_actor ->> 'id')::uuid AND members_1.duty IN ('owner', 'editor'))))) $fastness$""")
    connection.exec_driver_sql("""CREATE FUNCTION fastness_rls.fees_after(fees public.fees, fastness_actor jsonb) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, fastness_rls, pg_temp AS
$fastness$ SELECT (EXISTS (SELECT * 
FROM cases 
WHERE cases.id = fees.case_id AND ((EXISTS (SELECT * 
FROM members AS members_1 
WHERE members_1.office_id = cases.office_id AND members_1.user_id = (fastness_actor ->> 'id')::uuid)) OR (EXISTS (SELECT * 
FROM shares 
WHERE shares.case_id = cases.id AND shares.user_id = (fastness_actor ->> 'id')::uuid))))) $fastness$""")
    connection.exec_driver_sql("""CREATE POLICY fastness_select ON public.fees FOR SELECT
USING (CASE WHEN (SELECT fastness_rls.passes()) THEN true WHEN NOT coalesce((SELECT fastness_rls.actor()) ->> 'is_anonymous' = 'false', false) THEN false ELSE fastness_rls.fees_select(fees.*, (SELECT fastness_rls.actor())) END)""")
    connection.exec_driver_sql("""CREATE POLICY fastness_insert ON public.fees FOR INSERT
WITH CHECK (CASE WHEN (SELECT fastness_rls.passes()) THEN true WHEN NOT coalesce((SELECT fastness_rls.actor()) ->> 'is_anonymous' = 'false', false) THEN false ELSE fastness_rls.fees_insert(fees.*, (SELECT fastness_rls.actor())) END)""")
    connection.exec_driver_sql("""CREATE POLICY fastness_update ON public.fees FOR UPDATE
USING (CASE WHEN (SELECT fastness_rls.passes()) THEN true WHEN NOT coalesce((SELECT fastness_rls.actor()) ->> 'is_anonymous' = 'false', false) THEN false ELSE fastness_rls.fees_update(fees.*, (SELECT fastness_rls.actor())) END) WITH CHECK (CASE WHEN (SELECT fastness_rls.passes()) THEN true WHEN NOT coalesce((SELECT fastness_rls.actor()) ->> 'is_anonymous' = 'false', false) THEN false ELSE fastness_rls.fees_after(fees.*, (SELECT fastness_rls.actor())) END)""")
    connection.exec_driver_sql("""CREATE POLICY fastness_delete ON public.fees FOR DELETE
USING ((SELECT fastness_rls.passes()))""")
    connection.exec_driver_sql("""ALTER TABLE public.members ENABLE ROW LEVEL SECURITY""")
    connection.exec_driver_sql("""ALTER TABLE public.members FORCE ROW LEVEL SECURITY""")
    connection.exec_driver_sql("""CREATE FUNCTION fastness_rls.members_select(members public.members, fastness_actor jsonb) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, fastness_rls, pg_temp AS
$fastness$ SELECT (EXISTS (SELECT * 
FROM members AS members_1 
WHERE members_1.office_id = members.office_id AND members_1.user_id = (fastness_actor ->> 'id')::uuid)) $fastness$""")
    connection.exec_driver_sql("""CREATE FUNCTION fastness_rls.members_insert(members public.members, fastness_actor jsonb) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, fastness_rls, pg_temp AS
$fastness$ SELECT ((EXISTS (SELECT * 
FROM members AS members_1 
WHERE members_1.office_id = members.office_id AND members_1.user_id = (fastness_actor ->> 'id')::uuid AND members_1.duty IN ('owner'))) AND members.user_id != (fastness_actor ->> 'id')::uuid) $fastness$""")
    connection.exec_driver_sql("""CREATE FUNCTION fastness_rls.members_update(members public.members, fastness_actor jsonb) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, fastness_rls, pg_temp AS
$fastness$ SELECT ((EXISTS (SELECT * 
FROM members AS members_1 
WHERE members_1.office_id = members.office_id AND members_1.user_id = (fastness_actor ->> 'id')::uuid AND members_1.duty IN ('owner'))) AND members.user_id != (fastness_actor ->> 'id')::uuid) $fastness$""")
    connection.exec_driver_sql("""CREATE FUNCTION fastness_rls.members_delete(members public.members, fastness_actor jsonb) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, fastness_rls, pg_temp AS
$fastness$ SELECT ((EXISTS (SELECT * 
FROM members AS members_1 
WHERE members_1.office_id = members.office_id AND members_1.user_id = (fastness_actor ->> 'id')::uuid AND members_1.duty IN ('owner'))) AND members.user_id != (fastness_actor ->> 'id')::uuid) $fastness$""")
    connection.exec_driver_sql("""CREATE FUNCTION fastness_rls.members_after(members public.members, fastness_actor jsonb) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, fastness_rls, pg_temp AS
$fastness$ SELECT (EXISTS (SELECT * 
FROM members AS members_1 
WHERE members_1.office_id = members.office_id AND members_1.user_id = (fastness_actor ->> 'id')::uuid)) $fastness$""")
    connection.exec_driver_sql("""CREATE POLICY fastness_select ON public.members FOR SELECT
USING (CASE WHEN (SELECT fastness_rls.passes()) THEN true WHEN NOT coalesce((SELECT fastness_rls.actor()) ->> 'is_anonymous' = 'false', false) THEN false ELSE fastness_rls.members_select(members.*, (SELECT fastness_rls.actor())) END)""")
    connection.exec_driver_sql("""CREATE POLICY fastness_insert ON public.members FOR INSERT
WITH CHECK (CASE WHEN (SELECT fastness_rls.passes()) THEN true WHEN NOT coalesce((SELECT fastness_rls.actor()) ->> 'is_anonymous' = 'false', false) THEN false ELSE fastness_rls.members_insert(members.*, (SELECT fastness_rls.actor())) END)""")
    connection.exec_driver_sql("""CREATE POLICY fastness_update ON public.members FOR UPDATE
USING (CASE WHEN (SELECT fastness_rls.passes()) THEN true WHEN NOT coalesce((SELECT fastness_rls.actor()) ->> 'is_anonymous' = 'false', false) THEN false ELSE fastness_rls.members_update(members.*, (SELECT fastness_rls.actor())) END) WITH CHECK (CASE WHEN (SELECT fastness_rls.passes()) THEN true WHEN NOT coalesce((SELECT fastness_rls.actor()) ->> 'is_anonymous' = 'false', false) THEN false ELSE fastness_rls.members_after(members.*, (SELECT fastness_rls.actor())) END)""")
    connection.exec_driver_sql("""CREATE POLICY fastness_delete ON public.members FOR DELETE
USING (CASE WHEN (SELECT fastness_rls.passes()) THEN true WHEN NOT coalesce((SELECT fastness_rls.actor()) ->> 'is_anonymous' = 'false', false) THEN false ELSE fastness_rls.members_delete(members.*, (SELECT fastness_rls.actor())) END)""")
    connection.exec_driver_sql("""ALTER TABLE public.notes ENABLE ROW LEVEL SECURITY""")
    connection.exec_driver_sql("""ALTER TABLE public.notes FORCE ROW LEVEL SECURITY""")
    connection.exec_driver_sql("""CREATE FUNCTION fastness_rls.notes_select(notes public.notes, fastness_actor jsonb) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, fastness_rls, pg_temp AS
$fastness$ SELECT (EXISTS (SELECT * 
FROM cases 
WHERE cases.id = notes.case_id AND ((EXISTS (SELECT * 
FROM members AS members_1 
WHERE members_1.office_id = cases.office_id AND members_1.user_id = (fastness_actor ->> 'id')::uuid)) OR (EXISTS (SELECT * 
FROM shares 
WHERE shares.case_id = cases.id AND shares.user_id = (fastness_actor ->> 'id')::uuid))))) $fastness$""")
    connection.exec_driver_sql("""CREATE FUNCTION fastness_rls.notes_insert(notes public.notes, fastness_actor jsonb) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, fastness_rls, pg_temp AS
$fastness$ SELECT ((EXISTS (SELECT * 
FROM cases 
WHERE cases.id = notes.case_id AND ((EXISTS (SELECT * 
FROM members AS members_1 
WHERE members_1.office_id = cases.office_id AND members_1.user_id = (fastness_actor ->> 'id')::uuid AND members_1.duty IN ('owner', 'editor'))) OR (EXISTS (SELECT * 
FROM shares 
WHERE shares.case_id = cases.id AND shares.user_id = (fastness_actor ->> 'id')::uuid AND shares.may_write))) AND cases.status != 'closed')) AND notes.author_id = (fastness_actor ->> 'id')::uuid) $fastness$""")
    connection.exec_driver_sql("""CREATE POLICY fastness_select ON public.notes FOR SELECT
USING (CASE WHEN (SELECT fastness_rls.passes()) THEN true WHEN NOT coalesce((SELECT fastness_rls.actor()) ->> 'is_anonymous' = 'false', false) THEN false ELSE fastness_rls.notes_select(notes.*, (SELECT fastness_rls.actor())) END)""")
    connection.exec_driver_sql("""CREATE POLICY fastness_insert ON public.notes FOR INSERT
WITH CHECK (CASE WHEN (SELECT fastness_rls.passes()) THEN true WHEN NOT coalesce((SELECT fastness_rls.actor()) ->> 'is_anonymous' = 'false', false) THEN false ELSE fastness_rls.notes_insert(notes.*, (SELECT fastness_rls.actor())) END)""")
    connection.exec_driver_sql("""CREATE POLICY fastness_update ON public.notes FOR UPDATE
USING ((SELECT fastness_rls.passes())) WITH CHECK ((SELECT fastness_rls.passes()))""")
    connection.exec_driver_sql("""CREATE POLICY fastness_delete ON public.notes FOR DELETE
USING ((SELECT fastness_rls.passes()))""")
    connection.exec_driver_sql("""ALTER TABLE public.offices ENABLE ROW LEVEL SECURITY""")
    connection.exec_driver_sql("""ALTER TABLE public.offices FORCE ROW LEVEL SECURITY""")
    connection.exec_driver_sql("""CREATE FUNCTION fastness_rls.offices_select(offices public.offices, fastness_actor jsonb) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, fastness_rls, pg_temp AS
$fastness$ SELECT ((EXISTS (SELECT * 
FROM members AS members_1 
WHERE members_1.office_id = offices.id AND members_1.user_id = (fastness_actor ->> 'id')::uuid)) OR (EXISTS (SELECT * 
FROM cases, shares 
WHERE cases.office_id = offices.id AND shares.case_id = cases.id AND shares.user_id = (fastness_actor ->> 'id')::uuid))) $fastness$""")
    connection.exec_driver_sql("""CREATE POLICY fastness_select ON public.offices FOR SELECT
USING (CASE WHEN (SELECT fastness_rls.passes()) THEN true WHEN NOT coalesce((SELECT fastness_rls.actor()) ->> 'is_anonymous' = 'false', false) THEN false ELSE fastness_rls.offices_select(offices.*, (SELECT fastness_rls.actor())) END)""")
    connection.exec_driver_sql("""CREATE POLICY fastness_insert ON public.offices FOR INSERT
WITH CHECK ((SELECT fastness_rls.passes()))""")
    connection.exec_driver_sql("""CREATE POLICY fastness_update ON public.offices FOR UPDATE
USING ((SELECT fastness_rls.passes())) WITH CHECK ((SELECT fastness_rls.passes()))""")
    connection.exec_driver_sql("""CREATE POLICY fastness_delete ON public.offices FOR DELETE
USING ((SELECT fastness_rls.passes()))""")
    connection.exec_driver_sql("""ALTER TABLE public.shares ENABLE ROW LEVEL SECURITY""")
    connection.exec_driver_sql("""ALTER TABLE public.shares FORCE ROW LEVEL SECURITY""")
    connection.exec_driver_sql("""CREATE FUNCTION fastness_rls.shares_select(shares public.shares, fastness_actor jsonb) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, fastness_rls, pg_temp AS
$fastness$ SELECT (EXISTS (SELECT * 
FROM cases 
WHERE cases.id = shares.case_id AND ((EXISTS (SELECT * 
FROM members AS members_1 
WHERE members_1.office_id = cases.office_id AND members_1.user_id = (fastness_actor ->> 'id')::uuid)) OR (EXISTS (SELECT * 
FROM shares 
WHERE shares.case_id = cases.id AND shares.user_id = (fastness_actor ->> 'id')::uuid))))) $fastness$""")
    connection.exec_driver_sql("""CREATE FUNCTION fastness_rls.shares_insert(shares public.shares, fastness_actor jsonb) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, fastness_rls, pg_temp AS
$fastness$ SELECT (EXISTS (SELECT * 
FROM cases 
WHERE cases.id = shares.case_id AND (EXISTS (SELECT * 
FROM members AS members_1 
WHERE members_1.office_id = cases.office_id AND members_1.user_id = (fastness_actor ->> 'id')::uuid AND members_1.duty IN ('owner', 'editor'))))) $fastness$""")
    connection.exec_driver_sql("""CREATE FUNCTION fastness_rls.shares_delete(shares public.shares, fastness_actor jsonb) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, fastness_rls, pg_temp AS
$fastness$ SELECT (EXISTS (SELECT * 
FROM cases 
WHERE cases.id = shares.case_id AND (EXISTS (SELECT * 
FROM members AS members_1 
WHERE members_1.office_id = cases.office_id AND members_1.user_id = (fastness_actor ->> 'id')::uuid AND members_1.duty IN ('owner', 'editor'))))) $fastness$""")
    connection.exec_driver_sql("""CREATE POLICY fastness_select ON public.shares FOR SELECT
USING (CASE WHEN (SELECT fastness_rls.passes()) THEN true WHEN NOT coalesce((SELECT fastness_rls.actor()) ->> 'is_anonymous' = 'false', false) THEN false ELSE fastness_rls.shares_select(shares.*, (SELECT fastness_rls.actor())) END)""")
    connection.exec_driver_sql("""CREATE POLICY fastness_insert ON public.shares FOR INSERT
WITH CHECK (CASE WHEN (SELECT fastness_rls.passes()) THEN true WHEN NOT coalesce((SELECT fastness_rls.actor()) ->> 'is_anonymous' = 'false', false) THEN false ELSE fastness_rls.shares_insert(shares.*, (SELECT fastness_rls.actor())) END)""")
    connection.exec_driver_sql("""CREATE POLICY fastness_update ON public.shares FOR UPDATE
USING ((SELECT fastness_rls.passes())) WITH CHECK ((SELECT fastness_rls.passes()))""")
    connection.exec_driver_sql("""CREATE POLICY fastness_delete ON public.shares FOR DELETE
USING (CASE WHEN (SELECT fastness_rls.passes()) THEN true WHEN NOT coalesce((SELECT fastness_rls.actor()) ->> 'is_anonymous' = 'false', false) THEN false ELSE fastness_rls.shares_delete(shares.*, (SELECT fastness_rls.actor())) END)""")
    connection.exec_driver_sql(
        """COMMENT ON SCHEMA fastness_rls IS '8259d457d4f028ab87001fa9a5936a520c914393f2583d431b342e5bb28abed3'"""
    )


def downgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    connection.exec_driver_sql(
        "DO $$ DECLARE each record; BEGIN\n    FOR each IN SELECT schemaname, tablename, policyname FROM pg_catalog.pg_policies\n        WHERE policyname LIKE 'fastness\\_%' AND schemaname = 'public'\n    LOOP\n        EXECUTE pg_catalog.format('DROP POLICY %I ON %I.%I', each.policyname, each.schemaname, each.tablename);\n        EXECUTE pg_catalog.format('ALTER TABLE %I.%I NO FORCE ROW LEVEL SECURITY', each.schemaname, each.tablename);\n        EXECUTE pg_catalog.format('ALTER TABLE %I.%I DISABLE ROW LEVEL SECURITY', each.schemaname, each.tablename);\n    END LOOP;\nEND $$"
    )
    connection.exec_driver_sql("""DROP SCHEMA IF EXISTS fastness_rls CASCADE""")
