local function area(s)
  local tag = s.tag
  if tag == "circle" then return 3 * s.size * s.size end
  if tag == "square" then return s.size * s.size end
  return 0
end

-- Three matches in each turn.
function main(n)
  local total = 0
  for i = 0, n - 1, 3 do
    total = (total + area({ tag = "circle", size = i % 10 }) + area({ tag = "square", size = i % 7 }) + area({ tag = "empty" })) % 1000000
  end
  return total
end
