"""The ledger's schema, as the steps that lead to it: step n makes ``user_version`` n.

A step once shipped never changes.
"""

_VIEW = r"""
    CREATE VIEW entry AS                       -- for whoever reads this with other tools: with whole paths
        WITH based AS (SELECT *, CASE WHEN substr(root_path, 1, 1) = X'2F' THEN '/' ELSE '\' END AS slash,
            substr(root_path, 1, 1) != X'2F' AS on_windows, coalesce(mirror_path, root_path) AS base,
            coalesce(target_mirror_path, root_path) AS target_base FROM located)
        SELECT id, root_id, CASE WHEN folder = X'' THEN root_path ELSE CAST(root_path || slash || folder AS BLOB) END
            AS folder, name, size, mtime_ns, digest, display, taken_at, kind, ssim, exact, worst_tile, nearest_id,
            reason{}, policy_id, state,
            CASE WHEN substr(location, 1, 1) = X'2F' OR (on_windows AND substr(location, 2, 1) = X'3A') THEN location
            ELSE CAST(base || slash || location AS BLOB) END AS location, CASE WHEN target IS NULL
            OR substr(target, 1, 1) = X'2F' OR (on_windows AND substr(target, 2, 1) = X'3A') THEN target
            ELSE CAST(target_base || slash || target AS BLOB) END AS target, becomes, note, recorded_at, round, version,
            aside_at, aside_day FROM based;
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
    r"""
    CREATE TABLE mirror (                      -- folders that take pictures of a root: its quarantine, and the like
        id INTEGER PRIMARY KEY,
        root_id INTEGER NOT NULL REFERENCES root,
        path BLOB NOT NULL,
        disk TEXT NOT NULL DEFAULT '',         -- on which it was seen last, none if it is yet to be made
        UNIQUE (root_id, path)
    );
    INSERT OR IGNORE INTO mirror (root_id, path) SELECT id, CAST(json_extract(report, '$.quarantine') AS BLOB)
        FROM root WHERE json_extract(report, '$.quarantine') != '';
    INSERT OR IGNORE INTO mirror (root_id, path) SELECT id, CAST(path || '-quarantine' AS BLOB) FROM root;
    INSERT OR IGNORE INTO mirror (root_id, path) SELECT id, CAST(path || '-similar' AS BLOB) FROM root;
    ALTER TABLE entry RENAME TO picture;       -- the tables that refer to it follow
    CREATE INDEX day_entry ON day (root_id, last_entry, id);
    CREATE TABLE placed (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        root_id INTEGER NOT NULL REFERENCES root,
        folder BLOB NOT NULL,                  -- relative to the root, file names are bytes: they may be no UTF-8
        name BLOB NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        digest BLOB,                           -- SHA-256 of the file, NULL until it is met by a framesift that takes it
        display INTEGER NOT NULL,
        taken_at TEXT NOT NULL,                -- local wall-clock time, ISO 8601, no zone
        kind TEXT NOT NULL,
        ssim REAL NOT NULL,                    -- with nearest if exact, else no frame had a higher one
        exact INTEGER NOT NULL,
        worst_tile REAL NOT NULL,
        nearest_id INTEGER REFERENCES placed,
        reason TEXT NOT NULL,
        policy_id INTEGER NOT NULL REFERENCES policy,
        state TEXT NOT NULL,
        mirror_id INTEGER REFERENCES mirror,   -- what location is relative to, the root if NULL
        location BLOB NOT NULL,                -- where the file is now, absolute if it lies in neither
        target_mirror_id INTEGER REFERENCES mirror,
        target BLOB,
        becomes TEXT,
        note TEXT NOT NULL DEFAULT '',
        recorded_at TEXT NOT NULL,
        round INTEGER NOT NULL DEFAULT 0,      -- the round that judged it last
        version INTEGER NOT NULL DEFAULT 0,    -- rises with every change: a decision names the one it was made on
        aside_at TEXT,                         -- when it was quarantined
        aside_day INTEGER NOT NULL DEFAULT 0   -- the id of the last day that had begun then
    );
    INSERT INTO placed (id, root_id, folder, name, size, mtime_ns, display, taken_at, kind, ssim, exact, worst_tile,
            nearest_id, reason, policy_id, state, location, target, becomes, note, recorded_at, round,
            aside_at, aside_day)
        SELECT picture.id, root_id, CASE WHEN folder = root.path THEN X'' WHEN substr(folder, 1, length(root.path) + 1)
                IN (CAST(root.path || '/' AS BLOB), CAST(root.path || '\' AS BLOB))
                THEN substr(folder, length(root.path) + 2) ELSE folder END,
            name, size, mtime_ns, display, taken_at, kind, ssim, exact, worst_tile, nearest_id, reason, policy_id,
            state, location, target, becomes, note, recorded_at, round, recorded_at,
            coalesce(CASE WHEN picture.round > 0           -- what was judged anew counts from now: its day is not known
                THEN (SELECT id FROM day WHERE day.root_id = picture.root_id ORDER BY id DESC LIMIT 1)
                ELSE (SELECT id FROM day WHERE day.root_id = picture.root_id AND day.last_entry < picture.id
                    ORDER BY day.last_entry DESC, id DESC LIMIT 1) END, 0)
        FROM picture JOIN root ON root.id = root_id;
    UPDATE placed SET mirror_id = (SELECT mirror.id FROM mirror WHERE mirror.root_id = placed.root_id
        AND substr(location, 1, length(path) + 1) IN (CAST(path || '/' AS BLOB), CAST(path || '\' AS BLOB))
        ORDER BY length(path) DESC LIMIT 1),
        target_mirror_id = (SELECT mirror.id FROM mirror WHERE mirror.root_id = placed.root_id
        AND substr(target, 1, length(path) + 1) IN (CAST(path || '/' AS BLOB), CAST(path || '\' AS BLOB))
        ORDER BY length(path) DESC LIMIT 1);
    UPDATE placed SET location = substr(location, length((SELECT coalesce(mirror.path, root.path) FROM root
        LEFT JOIN mirror ON mirror.id = mirror_id WHERE root.id = placed.root_id)) + 2)
        WHERE mirror_id IS NOT NULL OR (SELECT substr(location, 1, length(path) + 1)
        IN (CAST(path || '/' AS BLOB), CAST(path || '\' AS BLOB)) FROM root WHERE root.id = placed.root_id);
    UPDATE placed SET target = substr(target, length((SELECT coalesce(mirror.path, root.path) FROM root
        LEFT JOIN mirror ON mirror.id = target_mirror_id WHERE root.id = placed.root_id)) + 2)
        WHERE target_mirror_id IS NOT NULL OR (SELECT substr(target, 1, length(path) + 1)
        IN (CAST(path || '/' AS BLOB), CAST(path || '\' AS BLOB)) FROM root WHERE root.id = placed.root_id);
    DROP INDEX day_entry;
    DROP TABLE picture;
    ALTER TABLE placed RENAME TO picture;
    CREATE INDEX entry_path ON picture (root_id, folder, name, size, mtime_ns);
    CREATE UNIQUE INDEX entry_content ON picture (root_id, folder, name, digest) WHERE digest IS NOT NULL;
    CREATE INDEX entry_digest ON picture (root_id, digest) WHERE digest IS NOT NULL;
    CREATE INDEX entry_location ON picture (location);
    CREATE INDEX entry_state ON picture (state);
    CREATE INDEX entry_time ON picture (root_id, taken_at);
    CREATE INDEX entry_display ON picture (root_id, display, taken_at);
    CREATE INDEX entry_saved ON picture (root_id, display, recorded_at, size)
        WHERE kind = 'duplicate' AND state IN ('quarantined', 'purged');
    CREATE INDEX entry_aside ON picture (root_id, aside_day, id) WHERE kind = 'duplicate' AND state = 'quarantined';
    ALTER TABLE frame ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;  -- CRC-32 of its pixels, 0 where not known
    CREATE VIEW located AS SELECT picture.*, root.path AS root_path, mirror.path AS mirror_path,
            target_mirror.path AS target_mirror_path
        FROM picture JOIN root ON root.id = picture.root_id LEFT JOIN mirror ON mirror.id = picture.mirror_id
        LEFT JOIN mirror AS target_mirror ON target_mirror.id = picture.target_mirror_id;
    """
    + _VIEW.format("")
    + r"""
    CREATE TABLE left_alone (                  -- what no watcher judges
        root_id INTEGER NOT NULL,              -- 0 if the folder is absolute, from when no root was known
        folder BLOB NOT NULL,                  -- relative to the root
        name BLOB NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        settled INTEGER NOT NULL DEFAULT 0,    -- brought back by hand: never judged, else it is left to sweep
        digest BLOB,                           -- of what is settled
        PRIMARY KEY (root_id, folder, name, size, mtime_ns)
    ) WITHOUT ROWID;
    INSERT OR IGNORE INTO left_alone SELECT coalesce(root.id, 0), CASE WHEN path IS NULL THEN folder
            WHEN folder = path THEN X'' ELSE substr(folder, length(path) + 2) END, name, size, mtime_ns, settled,
            NULL
        FROM baseline LEFT JOIN root ON folder = path OR substr(folder, 1, length(path) + 1)
            IN (CAST(path || '/' AS BLOB), CAST(path || '\' AS BLOB));
    DROP TABLE baseline;
    ALTER TABLE left_alone RENAME TO baseline;
    """,
    """
    ALTER TABLE day ADD COLUMN boot TEXT NOT NULL DEFAULT '';  -- of the machine, as the day began, or nothing
    ALTER TABLE day ADD COLUMN began REAL NOT NULL DEFAULT 0;  -- seconds since that boot
    """,
    "ALTER TABLE picture ADD COLUMN scene TEXT NOT NULL DEFAULT '';"  # which it showed when it was judged
    "DROP VIEW entry;" + _VIEW.format(", scene"),
    "ALTER TABLE picture ADD COLUMN change TEXT;"  # JSON: the widest place that has changed, where that was asked for
    "DROP VIEW entry;" + _VIEW.format(", change, scene"),
)
