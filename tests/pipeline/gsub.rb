# Replaces every match of each pattern in each text; reads and writes JSON. Run by test_patterns_in_ruby.py.
require "json"

given = JSON.parse($stdin.read)
rules = given["rules"].map { |pattern, replacement| [Regexp.new(pattern), replacement] }
texts = given["texts"]
seconds = ->(block) { start = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID); block.call; Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID) - start }
if given["time"]
  puts JSON.generate(rules.map { |pattern, _| texts.map { |text| seconds.call(-> { text.gsub(pattern, "") }) } })
else
  puts JSON.generate(rules.map { |pattern, replacement| texts.map { |text| text.gsub(pattern, replacement) } })
end
