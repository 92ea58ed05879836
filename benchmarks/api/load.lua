-- Constant load for wrk: each connection sends a path of the file, drawn at random, after a pause drawn from an
-- exponential distribution, so that requests arrive as they do from many people and not all at once.
-- wrk ... -s load.lua URL -- FILE MEAN_PAUSE_MS SEED [HEADER VALUE]...
local paths, pause, headers = {}, 0, {}

function init(args)
  for line in io.lines(args[1]) do paths[#paths + 1] = line end
  pause = tonumber(args[2])
  math.randomseed(tonumber(args[3]))
  for n = 4, #args, 2 do headers[args[n]] = args[n + 1] end
end

function delay()
  return math.floor(-math.log(1 - math.random()) * pause + 0.5)
end

function request()
  return wrk.format("GET", paths[math.random(#paths)], headers)
end

function done(summary, latency, requests)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("%d %d %d %d %d %d\n", summary.requests, failed,
    latency:percentile(50), latency:percentile(95), latency:percentile(99), latency.max))
end
