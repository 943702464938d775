"""Where a statement becomes SQL, every place of a guarded table gets its condition or is noted as uncovered.

The compiler is the one place that all statements pass, whatever wrote them: ORM, Core, eager loading, a union three
subqueries deep. A table stands in SQL only where this compiler writes its name, so nothing can be forgotten: the places
that a condition covers are counted before the FROM clause is written, the names are counted while it is written, and what is
left over is uncovered. The guard asks for the uncovered at each execution (`guard.py`); here nothing is refused, so that a
statement can be printed.

The condition of the nullable side of an outer join stands in its ON, any other in the WHERE. A FULL JOIN has no place where
it would be right; its tables stay uncovered. A policy's own subqueries are exempt, and see no other table of the statement
around them than the one they speak of: a join beside it cannot change what the policy means. Nor can a CTE or an alias that is
called like a table which the policy reads: such a name is refused.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Alias, FromClause, Join, TableSample
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import _anonymous_label
from sqlalchemy.sql.selectable import FromGrouping, TableClause
from sqlalchemy.sql.util import ClauseAdapter

from fastness.authz.errors import PolicyError
from fastness.authz.registry import Guard, registry
from fastness.authz.scope import PolicyCriterion, Scope, is_everything


class ScopeCompiler(SQLCompiler):
    """The part of a compiler that puts conditions on guarded tables; mixed into the dialect's own."""

    uncovered: frozenset[str] = frozenset()
    """Guarded tables that stand somewhere without a condition."""
    seen: frozenset[str] = frozenset()
    """All tables of the statement, in small letters."""
    is_for_superuser: bool = False
    generation: int = -1

    def __init__(self, dialect: Any, statement: Any, *args: Any, **kw: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
        policies = registry()
        self._guards: Mapping[str, Guard] = policies.guards
        self.generation = policies.generation
        self._uncovered: set[str] = set()
        self._seen: set[str] = set()
        self._scopes: list[Scope] = _scopes_of(statement)
        self._covered: list[Counter[str]] = []
        self._policy_depth = 0
        self._policy_names: set[str] = set()
        self._cte_names: set[str] = set()
        super().__init__(dialect, statement, *args, **kw)
        _refuse_names(self._policy_names & self._cte_names)
        self.uncovered = frozenset(self._uncovered)
        self.seen = frozenset(self._seen)

    def uncovered_so_far(self) -> frozenset[str]:
        """The same for a compiler that writes pieces of DDL, one after the other."""
        return frozenset(self._uncovered)

    # -- statements: each brings its own scope, which holds for what is inside it

    def visit_select(self, select_stmt: Any, *args: Any, **kw: Any) -> str:  # noqa: ANN401
        with self._within(select_stmt):
            return super().visit_select(select_stmt, *args, **kw)  # type: ignore[no-any-return, no-untyped-call]

    def visit_compound_select(self, cs: Any, *args: Any, **kw: Any) -> str:  # noqa: ANN401
        with self._within(cs):
            return super().visit_compound_select(cs, *args, **kw)  # type: ignore[no-any-return, no-untyped-call]

    def visit_textual_select(self, taf: Any, *args: Any, **kw: Any) -> str:  # noqa: ANN401
        with self._within(taf):
            return super().visit_textual_select(taf, *args, **kw)  # type: ignore[no-any-return, no-untyped-call]

    def visit_insert(self, insert_stmt: Any, *args: Any, **kw: Any) -> str:  # noqa: ANN401
        with self._within(insert_stmt, Counter()):
            self._see(insert_stmt.table)
            return super().visit_insert(insert_stmt, *args, **kw)  # type: ignore[no-any-return, no-untyped-call]

    def visit_update(self, update_stmt: Any, *args: Any, **kw: Any) -> str:  # noqa: ANN401
        with self._within(update_stmt, self._covered_by_where(update_stmt)):
            return super().visit_update(update_stmt, *args, **kw)

    def visit_delete(self, delete_stmt: Any, *args: Any, **kw: Any) -> str:  # noqa: ANN401
        with self._within(delete_stmt, self._covered_by_where(delete_stmt)):
            return super().visit_delete(delete_stmt, *args, **kw)  # type: ignore[no-any-return, no-untyped-call]

    def update_tables_clause(self, update_stmt: Any, *args: Any, **kw: Any) -> str:  # noqa: ANN401
        self._refuse_locked(update_stmt)
        return super().update_tables_clause(update_stmt, *args, **kw)  # type: ignore[no-any-return, no-untyped-call]

    # -- places

    def _compose_select_body(  # noqa: PLR0917 - SQLAlchemy's signature
        self,
        text: str,
        select: Any,  # noqa: ANN401
        compile_state: Any,  # noqa: ANN401
        inner_columns: Any,  # noqa: ANN401
        froms: Any,  # noqa: ANN401
        byfrom: Any,  # noqa: ANN401
        toplevel: bool,  # noqa: FBT001
        kwargs: Any,  # noqa: ANN401
    ) -> str:
        covered: Counter[str] = Counter()
        if not self._policy_depth and self._guards:
            criteria: list[PolicyCriterion] = []
            covering = [self._cover(source, covered) for source in froms]
            froms = [source for source, _ in covering]
            criteria.extend(criterion for _, found in covering for criterion in found)
            if criteria:
                select = select._clone()  # noqa: SLF001 - the statement in hand is the caller's
                select._where_criteria = (*select._where_criteria, *criteria)  # noqa: SLF001
        self._covered.append(covered)
        try:
            return super()._compose_select_body(  # type: ignore[no-any-return, no-untyped-call]
                text, select, compile_state, inner_columns, froms, byfrom, toplevel, kwargs
            )
        finally:
            self._covered.pop()

    def _cover(self, source: FromClause, covered: Counter[str]) -> tuple[FromClause, list[PolicyCriterion]]:
        """The same source with conditions in its ONs, and those that are left for the clause around it."""
        if isinstance(source, FromGrouping):
            inner, criteria = self._cover(source.element, covered)
            return (source if inner is source.element else FromGrouping(inner)), criteria
        if isinstance(source, Join):
            return self._cover_join(source, covered)
        table = _table_of(source)
        guard = None if table is None else self._guards.get(table.name.lower())
        if table is None or guard is None or table != guard.table:
            return source, []
        scope = self._scope_for(guard.name)
        if scope is None or scope.because is not None:
            return source, []
        covered[guard.name] += 1
        self.is_for_superuser = self.is_for_superuser or scope.is_superuser
        condition = scope.conditions[guard.name]
        if is_everything(condition):
            return source, []
        if source != guard.table:
            condition = ClauseAdapter(source).traverse(condition)
        return source, [PolicyCriterion(condition, source, guard.name)]

    def _cover_join(self, join: Join, covered: Counter[str]) -> tuple[FromClause, list[PolicyCriterion]]:
        if join.full:
            # A row that its condition took out of a FULL JOIN would come back with the other side.
            return join, []
        left, outside = self._cover(join.left, covered)
        right, criteria = self._cover(join.right, covered)
        onclause = join.onclause
        if join.isouter:
            if criteria:
                onclause = _and(onclause, criteria)
        else:
            outside = [*outside, *criteria]
        if left is join.left and right is join.right and onclause is join.onclause:
            return join, outside
        return Join(left, right, onclause, isouter=join.isouter), outside

    def visit_table(self, table: Any, asfrom: bool = False, **kw: Any) -> str:  # type: ignore[override] # noqa: ANN401, FBT001, FBT002
        if asfrom or kw.get("within_tstring"):
            self._see(table)
        return super().visit_table(table, asfrom=asfrom, **kw)  # type: ignore[no-any-return, no-untyped-call]

    def visit_cte(self, cte: Any, *args: Any, **kw: Any) -> str | None:  # noqa: ANN401
        (self._policy_names if self._policy_depth else self._cte_names).update(_given_name(cte))
        return super().visit_cte(cte, *args, **kw)

    def visit_alias(self, alias: Any, *args: Any, **kw: Any) -> str:  # noqa: ANN401
        if self._policy_depth and kw.get("asfrom"):
            self._policy_names.update(_given_name(alias))
        return super().visit_alias(alias, *args, **kw)  # type: ignore[no-any-return, no-untyped-call]

    def _see(self, table: Any) -> None:  # noqa: ANN401
        name = str(getattr(table, "name", "")).lower()
        if self._policy_depth:
            self._policy_names.add(name)
            return
        self._seen.add(name)
        if name not in self._guards:
            return
        if self._covered and self._covered[-1][name] > 0:
            self._covered[-1][name] -= 1
            return
        scope = self._scope_for(name)
        if scope is None or scope.because is None:
            self._uncovered.add(name)

    def _scope_for(self, name: str) -> Scope | None:
        for scope in reversed(self._scopes):
            if scope.because is not None or name in scope.conditions:
                return scope
        return None

    # -- the policies' own SQL

    def visit_policy_criterion(self, criterion: PolicyCriterion, **kw: Any) -> str:  # noqa: ANN401
        around = self.stack[-1]
        place = set(criterion.place._from_objects)  # noqa: SLF001 - how SQLAlchemy itself asks what may be correlated
        others, self._policy_names = self._policy_names, set()
        self._policy_depth += 1
        self.stack.append({**around, "correlate_froms": place, "asfrom_froms": place})
        try:
            text = f"({self.process(criterion.condition, **kw)})"
        finally:
            self.stack.pop()
            self._policy_depth -= 1
        if not isinstance(criterion.place, TableClause):
            _refuse_names(self._policy_names & _given_name(criterion.place))
        self._policy_names |= others
        return text

    def visit_bindparam(self, bindparam: Any, *args: Any, **kw: Any) -> str:  # noqa: ANN401
        if self._policy_depth and self._cache_key_bind_match is not None:
            known = self._cache_key_bind_match[1]
            if not any(origin.key in known for origin in bindparam._cloned_set):  # noqa: SLF001
                # It would stay in the cached statement, and the next actor would act with it.
                raise PolicyError("a value of a policy's condition is not part of the statement's cache key")
        return super().visit_bindparam(bindparam, *args, **kw)  # type: ignore[no-any-return, no-untyped-call]

    # -- text, whose tables nobody covers

    def visit_textclause(self, textclause: Any, *args: Any, **kw: Any) -> str:  # noqa: ANN401
        self._see_text(textclause.text)
        return super().visit_textclause(textclause, *args, **kw)  # type: ignore[no-any-return, no-untyped-call]

    def visit_tstring_text(self, element: Any, **kw: Any) -> str:  # noqa: ANN401
        self._see_text(element.text)
        return super().visit_tstring_text(element, **kw)  # type: ignore[no-any-return, no-untyped-call]

    def visit_column(self, column: Any, *args: Any, **kw: Any) -> str:  # noqa: ANN401
        if column.is_literal:
            self._see_text(column.name)
        return super().visit_column(column, *args, **kw)

    def visit_extract(self, extract: Any, **kw: Any) -> str:  # noqa: ANN401
        self._see_text(extract.field)
        return super().visit_extract(extract, **kw)  # type: ignore[no-any-return, no-untyped-call]

    def visit_custom_op_binary(self, element: Any, operator: Any, **kw: Any) -> str:  # noqa: ANN401
        self._see_text(operator.opstring)
        return super().visit_custom_op_binary(element, operator, **kw)  # type: ignore[no-any-return, no-untyped-call]

    def get_statement_hint_text(self, hint_texts: Any) -> str:  # noqa: ANN401
        for hint in hint_texts:
            self._see_text(hint)
        return super().get_statement_hint_text(hint_texts)  # type: ignore[no-any-return, no-untyped-call]

    def _see_text(self, text: str) -> None:
        # Without a statement it is DDL, such as a CHECK; that comes from the models.
        if not self._policy_depth and self.statement is not None:
            for name in registry().names_in(text):
                scope = self._scope_for_text()
                if scope is None:
                    self._uncovered.add(name)

    def _scope_for_text(self) -> Scope | None:
        return next((scope for scope in reversed(self._scopes) if scope.because is not None), None)

    @contextmanager
    def _within(self, statement: Any, covered: Counter[str] | None = None) -> Iterator[None]:  # noqa: ANN401
        scopes = _scopes_of(statement)
        self._scopes.extend(scopes)
        if covered is not None:
            self._covered.append(covered)
        try:
            yield
        finally:
            if covered is not None:
                self._covered.pop()
            if scopes:
                del self._scopes[-len(scopes) :]

    def _covered_by_where(self, statement: Any) -> Counter[str]:  # noqa: ANN401
        target = str(getattr(statement.table, "name", "")).lower()
        criteria = [part for part in statement._where_criteria if isinstance(part, PolicyCriterion)]  # noqa: SLF001
        if not any(part.name == target for part in criteria):
            return Counter()
        if any(scope.is_superuser for scope in _scopes_of(statement)):
            self.is_for_superuser = True
        return Counter({target: 1})

    def _refuse_locked(self, update_stmt: Any) -> None:  # noqa: ANN401
        name = str(getattr(update_stmt.table, "name", "")).lower()
        scope = self._scope_for(name)
        locked = frozenset() if scope is None else scope.locked.get(name, frozenset())
        if not locked:
            return
        values = update_stmt._values or {}  # noqa: SLF001
        names = {str(getattr(key, "key", key)) for key in values} | {str(key) for key in self.column_keys or ()}
        changed = sorted(names & locked)
        if changed:
            raise PolicyError(
                f"a bulk UPDATE sets {', '.join(changed)}, on which the policy of changed rows or a workflow depends, and nobody "
                "would look at each row; load the objects for a writing action and change them, or advance them one by one"
            )


def scope_compiler(compiler: type[SQLCompiler]) -> type[SQLCompiler]:
    """A dialect's compiler with the guard in it."""
    if issubclass(compiler, ScopeCompiler):
        return compiler
    return type(f"Scope{compiler.__name__}", (ScopeCompiler, compiler), {})


def _scopes_of(statement: object) -> list[Scope]:
    options: Iterable[object] = getattr(statement, "_with_options", ())
    return [option for option in options if isinstance(option, Scope)]


def _table_of(source: FromClause) -> TableClause | None:
    """The table that stands at this place, also under another name."""
    while isinstance(source, Alias | TableSample):
        source = source.element
    return source if isinstance(source, TableClause) else None


def _given_name(source: Any) -> set[str]:  # noqa: ANN401
    """The name of a CTE or an alias in small letters, where somebody gave it one; others get names that nothing else has."""
    return set() if isinstance(source.name, _anonymous_label) else {str(source.name).lower()}


def _refuse_names(names: set[str]) -> None:
    if names:
        # The database would take it for what the policy means, and the policy would be asked about other rows.
        raise PolicyError(
            f"the statement calls a CTE or an alias {', '.join(sorted(names))}, like something that a policy reads; rename it"
        )


def _and(onclause: Any, criteria: list[PolicyCriterion]) -> Any:  # noqa: ANN401
    return criteria[0] if onclause is None else onclause & _all(criteria)


def _all(criteria: list[PolicyCriterion]) -> Any:  # noqa: ANN401
    first: Any = criteria[0]
    for criterion in criteria[1:]:
        first &= criterion
    return first
