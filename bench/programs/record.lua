local function step(p)
  return { a = p.a + 1, b = (p.b + p.a) % 1000 }
end

function main(n)
  local p = { a = 0, b = 0 }
  for i = 1, n do p = step(p) end
  return p.a + p.b
end
