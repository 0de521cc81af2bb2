// SPDX-License-Identifier: Apache-2.0
// Further label matchers in every query of a dashboard or rule. What is recorded has the labels of what it was made from, and gets none.
local ofJob = function(config, expr) std.strReplace(expr, 'job="tapscope"', config.jobSelector);

// In a dashboard the matchers of each metric of an agent begin with instance, or there are none; those of up begin with job.
local inDashboard = function(config, expr)
  if config.selector == '' then ofJob(config, expr)
  else
    local empty = std.strReplace(expr, '{}', '{%s}' % config.selector);
    local narrowed = std.strReplace(empty, '{instance', '{%s,instance' % config.selector);
    ofJob(config, std.strReplace(narrowed, '{job', '{%s,job' % config.selector));

// In the rules their place is marked.
local inRule = function(config, expr)
  local selector = if config.selector == '' then '' else config.selector + ',';
  local alone = std.strReplace(expr, '{$selector}', if config.selector == '' then '' else '{%s}' % config.selector);
  ofJob(config, std.strReplace(alone, '$selector,', selector));

local walk(change, value) =
  if std.isObject(value) then
    std.mapWithKey(
      function(key, inner)
        // The query of a variable is an object with the text inside.
        if (key == 'expr' || key == 'query') && std.isString(inner) then change(inner) else walk(change, inner),
      value
    )
  else if std.isArray(value) then [walk(change, inner) for inner in value]
  else value;

{
  inDashboard(config, dashboard):: walk(function(expr) inDashboard(config, expr), dashboard),
  inRules(config, groups):: walk(function(expr) inRule(config, expr), groups),
}
