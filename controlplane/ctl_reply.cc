// Writes the lines of answers.
#include "controlplane/ctl_reply.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <span>
#include <variant>

#include "controlplane/identity_text.h"
#include "controlplane/proposal_text.h"

namespace cp {
namespace {

using Json = nlohmann::ordered_json;

// One line: dump() escapes line ends, and what is no UTF-8 is replaced.
std::string line_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}
std::string row_of(Json row) { return line_of({{"row", std::move(row)}}); }

std::string text_of(const Address& address) {
  return std::visit([](const auto& a) { return address_text(a); }, address);
}
std::string text_of(const CtlEndpoint& endpoint) {
  const bool is_ip6 = std::holds_alternative<ike::Ip6>(endpoint.address);
  const std::string address = text_of(endpoint.address);
  return fmt::format("{}:{}", is_ip6 ? "[" + address + "]" : address, endpoint.port);
}
std::string text_of(ike::IkeSpi spi) { return fmt::format("{:016x}", spi.value()); }
std::string text_of(ike::EspSpi spi) { return fmt::format("{:08x}", spi.value()); }

template <class Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json identity(const IdBody& body) {
  return body.empty() ? Json(nullptr) : Json(identity_text(body));
}

Json selectors(const ike::SelectorList& list) {
  Json texts = Json::array();
  for (const ike::Selector& selector : std::span(list.items).first(list.count))
    texts.push_back(selector_text(selector));
  return texts;
}

// What its worker did not say is null.
Json traffic(const std::optional<CtlTraffic>& told) {
  const auto number = [&](std::uint64_t CtlTraffic::* member) {
    return told ? Json((*told).*member) : Json(nullptr);
  };
  return {{"packets_in", number(&CtlTraffic::packets_in)},
          {"bytes_in", number(&CtlTraffic::bytes_in)},
          {"packets_out", number(&CtlTraffic::packets_out)},
          {"bytes_out", number(&CtlTraffic::bytes_out)},
          {"drops_in", number(&CtlTraffic::drops_in)},
          {"drops_out", number(&CtlTraffic::drops_out)},
          {"last_in_s", told ? or_null(told->last_in_s) : Json(nullptr)}};
}

Json child(const CtlChild& c) {
  Json row = {{"spi_in", text_of(c.spi_in)},
              {"spi_out", text_of(c.spi_out)},
              {"worker", c.worker},
              {"proposal", esp_suite_text(c.suite)},
              {"installed_s", c.installed_s}};
  row.update(traffic(c.traffic));
  row["local_ts"] = selectors(c.local_ts);
  row["remote_ts"] = selectors(c.remote_ts);
  return row;
}

Json patterns(const std::vector<IdPattern>& ids) {
  Json texts = Json::array();
  for (const IdPattern& id : ids) texts.push_back(id_pattern_text(id));
  return texts;
}

Json suites(const std::vector<ike::Suite>& list, std::string (*text_of)(const ike::Suite&)) {
  Json texts = Json::array();
  for (const ike::Suite& suite : list) texts.push_back(text_of(suite));
  return texts;
}

}  // namespace

std::string ctl_row(const CtlSa& sa) {
  Json addresses = Json::array();
  for (const Address& address : sa.addresses) addresses.push_back(text_of(address));
  Json children = Json::array();
  for (const CtlChild& c : sa.children) children.push_back(child(c));
  const bool has_ticket = sa.serial.value() != 0;
  return row_of(
      {{"ike", text_of(sa.own_spi)},
       {"spi_i", text_of(sa.spi_i)},
       {"spi_r", text_of(sa.spi_r)},
       {"connection", sa.connection},
       {"state", sa.state},
       {"served_by", sa.by_worker ? "worker" : "control"},
       {"worker", sa.worker},
       {"local", text_of(sa.local)},
       {"remote", text_of(sa.remote)},
       {"local_id", identity(sa.local_id)},
       {"remote_id", identity(sa.remote_id)},
       {"eap_identity", sa.eap_identity.empty() ? Json(nullptr) : Json(sa.eap_identity)},
       {"proposal", ike_suite_text(sa.suite)},
       {"established_s", sa.established_s},
       {"rekey_in_s", or_null(sa.rekey_in_s)},
       {"ends_in_s", or_null(sa.ends_in_s)},
       {"resumptions", sa.resumptions},
       {"nat", sa.nat},
       {"mobike", sa.mobike},
       {"addresses", std::move(addresses)},
       {"ticket", has_ticket ? Json(fmt::format("{:016x}:{}", sa.issuer.value(), sa.serial.value()))
                             : Json(nullptr)},
       {"children", std::move(children)}});
}

std::string ctl_row(const Connection& c) {
  return row_of(
      {{"connection", c.name},
       {"id", fmt::format("{:08x}", c.id)},
       {"local_auth", c.full_handshakes ? Json(auth_name(c.local.auth)) : Json(nullptr)},
       {"local_id", identity(c.local.id)},
       {"remote_auth", c.full_handshakes ? Json(auth_name(c.remote.auth)) : Json(nullptr)},
       {"remote_ids", patterns(c.remote.ids)},
       {"proposals", suites(c.ike_suites, ike_suite_text)},
       {"esp_proposals", suites(c.esp_suites, esp_suite_text)},
       {"local_ts", selectors(c.local_ts)},
       {"rekey_time_s", c.rekey_time_s},
       {"reauth_time_s", c.reauth_time_s},
       {"dpd_delay_s", c.dpd_delay_s},
       {"child_rekey_time_s", c.child_rekey_time_s},
       {"mobike", c.mobike},
       {"tickets", c.tickets}});
}

std::string ctl_row(const CtlPool& pool) {
  return row_of(
      {{"pool", pool.name}, {"range", pool.range}, {"size", pool.size}, {"used", pool.used}});
}

std::string ctl_row(const CtlStats& stats) {
  return row_of({{"version", stats.version},
                 {"uptime_s", stats.uptime_s},
                 {"workers", stats.workers},
                 {"worker_sessions", stats.worker_sessions},
                 {"ike_sas", stats.ike_sas},
                 {"half_open", stats.half_open},
                 {"child_sas", stats.child_sas},
                 {"closing", stats.closing},
                 {"issuers", stats.issuers},
                 {"sealing_key", stats.sealing_key},
                 {"key_age_s", stats.key_age_s},
                 {"config_read_s", stats.config_read_s}});
}

std::string ctl_row(const CtlValue& value) {
  return row_of({{"name", value.name}, {"value", value.value}, {"meaning", value.meaning}});
}

std::string ctl_row(const CtlLogLine& line) {
  return row_of({{"unix_ms", line.unix_ms}, {"level", line.level}, {"text", line.text}});
}

std::string ctl_done(std::uint64_t rows) { return line_of({{"done", {{"rows", rows}}}}); }
std::string ctl_done(const CtlListing& listing, std::uint64_t rows) {
  return line_of(
      {{"done", {{"rows", rows}, {"more", listing.more()}, {"silent_workers", listing.silent()}}}});
}
std::string ctl_done(const CtlEnding& ending) {
  return line_of({{"done", {{"closing", ending.closing}, {"silent_workers", ending.silent}}}});
}
std::string ctl_done_saying(std::string_view text) { return line_of({{"done", {{"text", text}}}}); }
std::string ctl_done_reloading(const CtlReload& reload) {
  return line_of({{"done", {{"need_restart", reload.need_restart}}}});
}
std::string ctl_error(std::string_view text) { return line_of({{"error", text}}); }
std::string ctl_error(const std::vector<std::string>& mistakes) {
  return line_of(
      {{"error", "the configuration is wrong; nothing was changed"}, {"mistakes", mistakes}});
}

}  // namespace cp
