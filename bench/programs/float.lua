function main(n)
  local x = 0.0
  for i = 1, n do x = x * 0.5 + 1.25 end
  return x
end
