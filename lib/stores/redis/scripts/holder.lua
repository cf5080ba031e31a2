-- Included by scripts that read or write the holder of a lock, the text
-- '{"owner":"<owner>","token":<fencing token>' .. <the rest of the holder>.
local function is_held_by(owner, text)
  return text and string.sub(text, 1, #owner + 11) == '{"owner":"' .. owner .. '"'
end

-- Finds the fencing token; nothing in a text that another program has written.
local TOKEN = '^{"owner":"[^"]*","token":(%d+)'
