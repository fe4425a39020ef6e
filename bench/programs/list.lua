function main(n)
  local xs = {}
  for i = 0, n - 1 do xs[#xs + 1] = i end
  local total = 0
  for i = 1, #xs do total = total + xs[i] end
  return total
end
