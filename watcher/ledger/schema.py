"""The ledger's schema, as the steps that lead to it: step n makes ``user_version`` n.

A step once shipped never changes.
"""

MIGRATIONS = (
    """
    CREATE TABLE root (
        id INTEGER PRIMARY KEY,
        path BLOB NOT NULL UNIQUE,
        adopted INTEGER NOT NULL DEFAULT 0,    -- whether its baseline was taken
        report TEXT NOT NULL DEFAULT '{}'      -- JSON: what its watcher last found
    );
    CREATE TABLE policy (
        id INTEGER PRIMARY KEY,
        json TEXT NOT NULL UNIQUE
    );
    CREATE TABLE entry (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        root_id INTEGER NOT NULL REFERENCES root,
        folder BLOB NOT NULL,                  -- file names are bytes: they may be no UTF-8
        name BLOB NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        display INTEGER NOT NULL,
        taken_at TEXT NOT NULL,                -- local wall-clock time, ISO 8601, no zone
        kind TEXT NOT NULL,
        ssim REAL NOT NULL,                    -- with nearest if exact, else no frame had a higher one
        exact INTEGER NOT NULL,
        worst_tile REAL NOT NULL,
        nearest_id INTEGER REFERENCES entry,
        reason TEXT NOT NULL,
        policy_id INTEGER NOT NULL REFERENCES policy,
        state TEXT NOT NULL,
        location BLOB NOT NULL,
        target BLOB,
        becomes TEXT,
        note TEXT NOT NULL DEFAULT '',
        recorded_at TEXT NOT NULL,
        UNIQUE (folder, name, size, mtime_ns)  -- what a capture is known by
    );
    CREATE INDEX entry_state ON entry (state);
    CREATE INDEX entry_location ON entry (location);
    CREATE INDEX entry_time ON entry (root_id, taken_at);
    CREATE INDEX entry_display ON entry (root_id, display);
    CREATE TABLE frame (                       -- one row for each capture that stays
        entry_id INTEGER PRIMARY KEY REFERENCES entry,
        root_id INTEGER NOT NULL REFERENCES root,
        display INTEGER NOT NULL,
        height INTEGER NOT NULL,               -- of the frame, after halving
        width INTEGER NOT NULL,
        signature BLOB NOT NULL,
        used INTEGER NOT NULL,                 -- id of the entry that showed this screen last: the MRU order
        in_window INTEGER NOT NULL
    );
    CREATE INDEX frame_window ON frame (root_id, display, height, width, used) WHERE in_window;
    CREATE TABLE baseline (                    -- there before the first start: left to sweep
        folder BLOB NOT NULL,
        name BLOB NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        PRIMARY KEY (folder, name, size, mtime_ns)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE place (                       -- the windows: what is in them, and how recently it was used
        timeline TEXT NOT NULL,                -- watch, sweep or again: each has windows of its own
        root_id INTEGER NOT NULL REFERENCES root,
        display INTEGER NOT NULL,
        height INTEGER NOT NULL,
        width INTEGER NOT NULL,
        used INTEGER NOT NULL,                 -- rises with each use: the MRU order
        entry_id INTEGER NOT NULL REFERENCES entry,
        PRIMARY KEY (timeline, root_id, display, height, width, used),
        UNIQUE (entry_id, timeline)
    ) WITHOUT ROWID;
    INSERT INTO place SELECT 'watch', root_id, display, height, width, used, entry_id FROM frame WHERE in_window;
    CREATE TABLE kept_frame (
        entry_id INTEGER PRIMARY KEY REFERENCES entry,
        height INTEGER NOT NULL,
        width INTEGER NOT NULL,
        signature BLOB NOT NULL
    );
    INSERT INTO kept_frame SELECT entry_id, height, width, signature FROM frame;
    DROP TABLE frame;
    ALTER TABLE kept_frame RENAME TO frame;
    DROP INDEX entry_display;
    CREATE INDEX entry_display ON entry (root_id, display, taken_at);
    ALTER TABLE baseline ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;  -- brought back by hand: never judged
    ALTER TABLE entry ADD COLUMN round INTEGER NOT NULL DEFAULT 0;       -- the round that judged it last
    CREATE TABLE round (                       -- one "sweep --again": entries of lower rounds are still to be judged
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        root_id INTEGER NOT NULL REFERENCES root,
        policy_id INTEGER NOT NULL REFERENCES policy,
        begin TEXT NOT NULL,                   -- of the captures' times, the end excluded
        end TEXT NOT NULL,
        last_entry_id INTEGER NOT NULL,        -- what the watcher judges meanwhile is not judged again
        done INTEGER NOT NULL DEFAULT 0
    );
    """,
    """
    CREATE TABLE day (                         -- on which a root's watcher ran: the clock of retention
        id INTEGER PRIMARY KEY,
        root_id INTEGER NOT NULL REFERENCES root,
        date TEXT NOT NULL,
        last_entry INTEGER NOT NULL,           -- the newest entry of the ledger when the day began
        purged INTEGER NOT NULL DEFAULT 0,     -- whether retention has done its work on this day
        UNIQUE (root_id, date)
    );
    CREATE INDEX entry_saved ON entry (root_id, display, recorded_at, size)
        WHERE kind = 'duplicate' AND state IN ('quarantined', 'purged');
    """,
)
