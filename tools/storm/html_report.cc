// The report page: inline SVG, inline style, nothing fetched from anywhere.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/storm/result.h"

namespace storm {
namespace {

constexpr double kWidth = 860, kHeight = 300, kLeft = 84, kBottom = 36, kTop = 12, kRight = 16;
constexpr double kPlotWidth = kWidth - kLeft - kRight;
constexpr double kPlotHeight = kHeight - kTop - kBottom;

constexpr const char* kHead = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>resurge-storm</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 900px; padding: 0 1rem;
       color: #1d2733; background: #fff }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse } td, th { padding: .2rem .9rem .2rem 0; text-align: left }
td.n { text-align: right; font-variant-numeric: tabular-nums }
svg { width: 100%; height: auto } text { font: 12px system-ui, sans-serif; fill: #5a6775 }
.axis { stroke: #c5ccd3; stroke-width: 1 } .curve { fill: none; stroke: #0b6bcb; stroke-width: 2 }
.area { fill: #0b6bcb; opacity: .12 } .bar { fill: #0b6bcb }
.back { fill: none; stroke: #137a3e; stroke-width: 2; stroke-dasharray: 6 4 }
.good { color: #137a3e } .bad { color: #b3261e }
@media (prefers-color-scheme: dark) { body { color: #dde4ea; background: #14191f }
  text { fill: #9aa7b3 } .axis { stroke: #3a4652 } }
</style></head><body>
)";

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// 1234567 -> 1,234,567
std::string grouped(double value) {
  const std::string digits = fmt::format("{:.0f}", value);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

// 1, 2 or 5 times a power of ten, so that about `count` steps fit below `max`.
double tick_step(double max, int count) {
  const double raw = std::max(max, 1e-9) / count;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (raw <= factor * power) return factor * power;
  return 10 * power;
}

double x_of(double share) { return kLeft + share * kPlotWidth; }
double y_of(double share) { return kTop + (1 - share) * kPlotHeight; }

std::string open_svg(const char* title) {
  return fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n", kWidth,
                     kHeight, title);
}

std::string y_axis(double max) {
  std::string svg;
  const double step = tick_step(max, 5);
  for (double v = 0; v <= max * 1.0001; v += step) {
    const double y = y_of(v / max);
    svg += fmt::format(
        "<line class=\"axis\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>"
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
        kLeft, y, kWidth - kRight, y, kLeft - 8, y + 4, grouped(v));
  }
  return svg;
}

std::string x_label(double share, const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n",
                     x_of(share), kHeight - 14, text);
}

std::string curve_svg(const Result& result) {
  const std::vector<Sample> samples = thinned(result.samples, 400);
  const double end = samples.empty() ? 1.0 : std::max(samples.back().seconds, 1e-6);
  const double max = std::max<double>(1.0, static_cast<double>(result.clients));
  std::string svg = open_svg("sessions up over time") + y_axis(max);
  const double step = tick_step(end, 8);
  for (double t = 0; t <= end * 1.0001; t += step)
    svg += x_label(t / end, fmt::format("{:.3g} s", t));
  const auto points_of = [&](std::uint64_t Sample::*value) {
    std::string points = fmt::format("{:.1f},{:.1f}", x_of(0), y_of(0));
    for (const Sample& s : samples)
      points += fmt::format(" {:.1f},{:.1f}", x_of(s.seconds / end),
                            y_of(static_cast<double>(s.*value) / max));
    return points;
  };
  const std::string up = points_of(&Sample::up);
  svg += fmt::format("<polygon class=\"area\" points=\"{} {:.1f},{:.1f}\"/>", up, x_of(1), y_of(0));
  svg += fmt::format("<polyline class=\"curve\" points=\"{}\"/>", up);
  if (result.tunnels != nullptr)
    svg += fmt::format("<polyline class=\"back\" points=\"{}\"/>", points_of(&Sample::back));
  return svg + "</svg>\n";
}

std::string latency_text(double ns) {
  if (ns < 1e6) return fmt::format("{:.3g} us", ns / 1e3);
  if (ns < 1e9) return fmt::format("{:.3g} ms", ns / 1e6);
  return fmt::format("{:.3g} s", ns / 1e9);
}

// Bars of equal width on a logarithmic scale.
std::string histogram_svg(const Histogram& latency) {
  constexpr int kBars = 48;
  const double low = std::log2(std::max<double>(1.0, static_cast<double>(latency.min()) * 0.99));
  const double high = std::max(low + 0.1, std::log2(static_cast<double>(latency.max()) * 1.02 + 2));
  std::array<std::uint64_t, kBars> counts{};
  std::uint64_t most = 1;
  const auto edge = [&](int bar) {
    return static_cast<std::uint64_t>(std::exp2(low + (high - low) * bar / kBars));
  };
  for (int bar = 0; bar < kBars; ++bar) {
    counts[static_cast<std::size_t>(bar)] = latency.count_between(edge(bar), edge(bar + 1));
    most = std::max(most, counts[static_cast<std::size_t>(bar)]);
  }
  std::string svg = open_svg("latency histogram") + y_axis(static_cast<double>(most));
  for (int bar = 0; bar < kBars; ++bar) {
    const double share =
        static_cast<double>(counts[static_cast<std::size_t>(bar)]) / static_cast<double>(most);
    svg += fmt::format(
        "<rect class=\"bar\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
        "height=\"{:.1f}\"/>\n",
        x_of(static_cast<double>(bar) / kBars) + 1, y_of(share), kPlotWidth / kBars - 2,
        share * kPlotHeight);
    if (bar % 6 == 0)
      svg += x_label(static_cast<double>(bar) / kBars,
                     latency_text(std::exp2(low + (high - low) * bar / kBars)));
  }
  return svg + "</svg>\n";
}

std::string row(const std::string& name, const std::string& value, const std::string& note = "") {
  return fmt::format("<tr><td>{}</td><td class=\"n\">{}</td><td>{}</td></tr>\n", escaped(name),
                     escaped(value), escaped(note));
}

std::string latency_rows(const Histogram& h) {
  std::string rows;
  for (const auto& [name, q] :
       {std::pair{"p50", 5000u}, {"p90", 9000u}, {"p99", 9900u}, {"p99.9", 9990u}, {"max", 10000u}})
    rows += row(name, latency_text(static_cast<double>(h.quantile(q))));
  return rows;
}

}  // namespace

namespace {

std::string tunnel_part(const Result& result) {
  if (result.tunnels == nullptr) return {};
  const TunnelResult& t = *result.tunnels;
  std::string part = "<h2>Back</h2>\n<table>\n";
  part += row("clients whose echo came back", grouped(static_cast<double>(t.back)));
  part += row("first start to last echo", fmt::format("{:.3f} s", t.seconds));
  part += row("of that after the last session", fmt::format("{:.3f} s", result.extra_seconds()));
  part += "</table>\n<p>From the scheduled start of a client to its echo:</p>\n<table>\n" +
          latency_rows(t.latency) + "</table>\n<p>The echo alone:</p>\n<table>\n" +
          latency_rows(t.round_trip) + "</table>\n";
  for (const TunnelResult::Traffic& traffic : t.traffic)
    part += fmt::format("<h2>Traffic, {}</h2>\n<table>\n", traffic.name) +
            row("sent", grouped(static_cast<double>(traffic.sent))) +
            row("answered", grouped(static_cast<double>(traffic.answered)),
                fmt::format("{:.2f} %", traffic.percent())) +
            latency_rows(traffic.latency) + "</table>\n";
  return part;
}

}  // namespace

std::string to_html(const Result& result) {
  const std::string objection = result.objection();
  std::string page = kHead;
  const char* verb = result.connecting() ? "connected" : "resumed";
  page += fmt::format("<h1>resurge-storm: {} of {} sessions {} in {:.3f} s</h1>\n",
                      grouped(static_cast<double>(result.up())),
                      grouped(static_cast<double>(result.clients)), verb, result.seconds);
  page += objection.empty()
              ? fmt::format("<p class=\"good\">Every client {} and every AUTH was right{}.</p>\n",
                            verb, result.tunnels != nullptr ? ", and every echo came back" : "")
              : fmt::format("<p class=\"bad\">{}.</p>\n", escaped(objection));
  page += fmt::format("<h2>Sessions up{} over time</h2>\n",
                      result.tunnels != nullptr ? " and back (dashed)" : "") +
          curve_svg(result);
  page += "<h2>Latency</h2>\n" + histogram_svg(result.latency) + "<table>\n" +
          latency_rows(result.latency) + "</table>\n";
  page += "<p>From the scheduled start of a client to its verified message 4.</p>\n";
  page += tunnel_part(result);
  if (result.dpd)
    page += "<h2>DPD</h2>\n<table>\n" + latency_rows(result.dpd_latency) + "</table>\n";
  page += "<h2>Counts</h2>\n<table>\n";
  page += row(result.connecting() ? "handshakes a second" : "resumptions a second",
              grouped(result.rate()));
  for (const OutcomeRow& o : kOutcomes)
    if (result.of(o.outcome) != 0)
      page += row(std::string(o.name), grouped(static_cast<double>(result.of(o.outcome))),
                  std::string(o.meaning));
  for (const auto& [name, number] : result.counts)
    if (number != 0) page += row(name, grouped(static_cast<double>(number)));
  page += "</table>\n<h2>Setting</h2>\n<table>\n";
  for (const auto& [name, value] : result.setting)
    page += fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", escaped(name), escaped(value));
  return page + "</table>\n</body></html>\n";
}

}  // namespace storm
