-- Included by scripts that read or write the holder of a lock, the text
-- '{"owner":"<owner>","token":<fencing token>' .. <the rest of the holder>.

-- Finds owner and token; nothing in a text that another program has written.
local GRANT = '^{"owner":"([^"]*)","token":(%d+)'
