function main(n)
  local s = ""
  for i = 1, n do s = s .. "x" end
  return #s
end
