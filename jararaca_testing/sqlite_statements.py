"""What kind of statement a piece of SQL is, as far as transactions and the write lock are concerned."""

import re

BLANK = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
READ = re.compile(r"(?:SELECT|EXPLAIN|VALUES|PRAGMA)\b", re.IGNORECASE)
WITH = re.compile(r"WITH\b", re.IGNORECASE)
WRITE = re.compile(r"\b(?:INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)
LAZY_BEGIN = re.compile(r"BEGIN(?:\s+DEFERRED)?(?:\s+TRANSACTION)?\s*;?\s*$", re.IGNORECASE)
EAGER_BEGIN = re.compile(r"BEGIN\b", re.IGNORECASE)
END = re.compile(r"(?:COMMIT|END|ROLLBACK)(?:\s+TRANSACTION)?\s*;?\s*$", re.IGNORECASE)
ALONE = re.compile(r"(?:ATTACH|DETACH|VACUUM)\b", re.IGNORECASE)


def statement_of(sql: str) -> str:
    """A statement without what stands before it: blanks and comments."""
    blank = BLANK.match(sql)
    return sql[blank.end() :] if blank else sql


def is_write(statement: str) -> bool:
    """Whether a statement needs the write lock and a transaction. A savepoint counts: what follows may write."""
    if READ.match(statement) or END.match(statement):
        return False
    return bool(WRITE.search(statement)) if WITH.match(statement) else True
