// PromQL's functions and aggregations with a line of help each, for the completion list.

export interface FunctionHelp {
  name: string;
  args: string;
  help: string;
}

const LINES = `
rate(v range)|per-second rate of a counter over the window
increase(v range)|how much a counter grew over the window
irate(v range)|per-second rate between the last two samples
delta(v range)|difference of a gauge over the window
idelta(v range)|difference between the last two samples
deriv(v range)|per-second slope of a gauge by regression
histogram_quantile(q, buckets)|quantile of a histogram from its buckets' rates
sum(v)|adds over series
avg(v)|mean over series
min(v)|smallest over series
max(v)|largest over series
count(v)|how many series
group(v)|1 for each group
topk(k, v)|the k largest series
bottomk(k, v)|the k smallest series
quantile(q, v)|quantile over series
count_values("label", v)|how many series have each value
stddev(v)|standard deviation over series
stdvar(v)|variance over series
abs(v)|absolute value
absent(v)|1 when there is no such series
absent_over_time(v range)|1 when the window holds no sample
avg_over_time(v range)|mean over the window
changes(v range)|how often the value changed
ceil(v)|rounds up
clamp(v, min, max)|keeps values between two bounds
clamp_max(v, max)|keeps values below a bound
clamp_min(v, min)|keeps values above a bound
count_over_time(v range)|samples in the window
day_of_month(v)|day of the month, UTC
day_of_week(v)|day of the week, UTC
days_in_month(v)|days in the month, UTC
exp(v)|e to the power of v
floor(v)|rounds down
hour(v)|hour of the day, UTC
label_join(v, "dst", "sep", "src")|joins labels into a new one
label_replace(v, "dst", "repl", "src", "regex")|makes a label out of another by regex
last_over_time(v range)|last sample in the window
ln(v)|natural logarithm
log10(v)|decimal logarithm
log2(v)|binary logarithm
max_over_time(v range)|largest in the window
min_over_time(v range)|smallest in the window
minute(v)|minute of the hour, UTC
month(v)|month of the year, UTC
predict_linear(v range, t)|value expected t seconds from now
present_over_time(v range)|1 when the window holds a sample
quantile_over_time(q, v range)|quantile over the window
resets(v range)|how often a counter started anew
round(v, to)|rounds to the nearest multiple
scalar(v)|the one series as a number
sgn(v)|sign
sort(v)|ascending by value
sort_desc(v)|descending by value
sqrt(v)|square root
stddev_over_time(v range)|standard deviation over the window
stdvar_over_time(v range)|variance over the window
sum_over_time(v range)|sum over the window
time()|seconds since the epoch
timestamp(v)|time of each sample
vector(s)|a number as a series without labels
year(v)|year, UTC`;

export const FUNCTIONS: FunctionHelp[] = LINES.trim()
  .split('\n')
  .map((line) => {
    const [, name, args, help] = /^(\w+)\((.*?)\)\|(.*)$/.exec(line) as unknown as [string, string, string, string];
    return { name, args, help };
  });
