// Reads [child] and the sections [connections.NAME]: what they say, and what they need of others.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <span>

#include "controlplane/config_sections.h"
#include "controlplane/identity_text.h"
#include "controlplane/proposal_text.h"
#include "controlplane/value_text.h"
#include "ike/proposal.h"

namespace cp {
namespace {

using Suites = std::vector<ike::Suite>;
constexpr std::int64_t kMonthS = 30 * 86'400;
constexpr std::int64_t kAnyCount = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kConnectionsMax = 4096;

void add_once(Suites& suites, const ike::Suite& suite) {
  if (std::ranges::find(suites, suite) == suites.end()) suites.push_back(suite);
}

// A list of proposals as one list of suites, each once, in order of preference.
template <class Parser>
void read_proposals(TableReader& in, std::string_view key, Suites& out, Parser parse) {
  std::vector<Suites> proposals;
  if (!in.values(key, proposals, parse)) return;
  if (proposals.empty()) in.fail(key, "expected at least one proposal, or leave the key out");
  out.clear();
  for (const Suites& proposal : proposals)
    for (const ike::Suite& suite : proposal) add_once(out, suite);
}

void read_selectors(TableReader& in, std::string_view key, ike::SelectorList& out) {
  std::vector<ike::Selector> selectors;
  if (!in.values(key, selectors, parse_selector)) return;
  if (selectors.empty() || selectors.size() > ike::kSelectorsMax)
    return in.fail(key, fmt::format("expected 1 to {} prefixes or ranges", ike::kSelectorsMax));
  std::ranges::copy(selectors, out.items.begin());
  out.count = selectors.size();
}

// The keys that [child] and [connections.NAME.children.NAME] share.
void read_child_terms(TableReader& in, Connection& c) {
  read_proposals(in, "esp_proposals", c.child_suites, parse_esp_proposal);
  read_selectors(in, "local_ts", c.local_ts);
  const bool has_rekey = in.seconds("rekey_time", c.child_rekey_time_s, {0, kMonthS});
  if (!in.seconds("life_time", c.child_life_time_s, {0, 2 * kMonthS}) && has_rekey)
    c.child_life_time_s = c.child_rekey_time_s + c.child_rekey_time_s / 10;
  in.integer("rekey_bytes", c.child_rekey_bytes, {0, kAnyCount});
  in.integer("rekey_packets", c.child_rekey_packets, {0, kAnyCount});
  if (c.child_life_time_s != 0 && c.child_life_time_s <= c.child_rekey_time_s)
    in.fail(in.has("life_time") ? "life_time" : "rekey_time",
            fmt::format("expected a life_time longer than the rekey_time of {}",
                        duration_text(c.child_rekey_time_s * 1000ull)));
}

Suites without_ke(const Suites& suites) {
  Suites without;
  for (const ike::Suite& suite : suites) add_once(without, ike::without_ke(suite));
  return without;
}

// Proposals that name a KE demand it when the Child SA is rekeyed. Where none does, the client
// decides: the key exchanges of any IKE proposal, its first one alone, or none.
void complete_child_suites(Connection& c) {
  c.esp_suites = without_ke(c.child_suites);
  const auto has_ke = [](const ike::Suite& suite) { return suite.ke != ike::KeId::none; };
  if (std::ranges::any_of(c.child_suites, has_ke)) return;
  c.child_suites.clear();
  for (const ike::Suite& ike_suite : c.ike_suites)
    for (ike::Suite suite : c.esp_suites) {
      suite.ke = ike_suite.ke;
      suite.additional = ike_suite.additional;
      add_once(c.child_suites, suite);
    }
  const Suites all = c.child_suites;
  for (ike::Suite suite : all) {
    suite.additional = {};
    add_once(c.child_suites, suite);
  }
  c.child_suites.insert(c.child_suites.end(), c.esp_suites.begin(), c.esp_suites.end());
}

crypto::Result<IdBody> parse_own_id(std::string_view text) {
  if (text == "%any" || text == "*") return IdBody();
  const auto body = parse_identity(text);
  if (!body) return std::unexpected(body.error());
  return IdBody(body->begin(), body->end());
}

void read_local(TableReader& in, LocalAuth& local, bool& says_auth) {
  says_auth = in.choice<AuthKind>("auth", local.auth,
                                  {{"psk", AuthKind::psk}, {"pubkey", AuthKind::pubkey}});
  in.value("id", local.id, parse_own_id);
  in.strings("certs", local.cert_files);
  in.string("private_key", local.key_file);
}

void read_remote(TableReader& in, RemoteAuth& remote, bool& says_auth) {
  says_auth = in.choice<AuthKind>(
      "auth", remote.auth,
      {{"psk", AuthKind::psk}, {"pubkey", AuthKind::pubkey}, {"eap-radius", AuthKind::eap_radius}});
  in.values("id", remote.ids, parse_id_pattern);
  in.strings("cacerts", remote.cacert_files);
  in.choice<crypto::CrlPolicy>("revocation", remote.revocation,
                               {{"off", crypto::CrlPolicy::off},
                                {"relaxed", crypto::CrlPolicy::ifcrl},
                                {"strict", crypto::CrlPolicy::strict}});
  in.string("eap_id", remote.eap_id);
  if (remote.eap_id == "%any") remote.eap_id.clear();
}

class ConnectionReader {
 public:
  ConnectionReader(TableReader in, const GatewayConfig& config, Connection& c)
      : in_(std::move(in)), config_(config), c_(c) {}

  void read() {
    read_version();
    read_local_addrs();
    read_proposals(in_, "proposals", c_.ike_suites, parse_ike_proposal);
    read_switches();
    read_times();
    read_pools();
    read_children();
    read_auth();
    in_.finish();
    complete_child_suites(c_);
  }

 private:
  void read_version() {
    std::uint32_t version = 2;
    in_.integer("version", version, {0, 2});
    if (version != 2) in_.fail("version", "expected 2: IKEv1 is not spoken here");
  }

  void read_local_addrs() {
    in_.values("local_addrs", c_.local_addrs, parse_address);
    const dp::LinkConfig& ours = config_.workers.outside;
    for (const Address& address : c_.local_addrs) {
      const auto* ip4 = std::get_if<ike::Ip4>(&address);
      const bool is_ours =
          ip4 != nullptr
              ? std::ranges::find(ours.ip4, *ip4) != ours.ip4.end()
              : std::ranges::find(ours.ip6, std::get<ike::Ip6>(address)) != ours.ip6.end();
      if (!is_ours) in_.fail("local_addrs", "expected addresses that stand in outside.addresses");
    }
  }

  void read_switches() {
    in_.boolean("mobike", c_.mobike);
    in_.boolean("fragmentation", c_.fragmentation);
    in_.boolean("encap", c_.encap);
    in_.choice<bool>("childless", c_.childless, {{"allow", true}, {"never", false}});
    in_.choice<Unique>("unique", c_.unique,
                       {{"no", Unique::no},
                        {"never", Unique::never},
                        {"keep", Unique::keep},
                        {"replace", Unique::replace}});
    in_.choice<SendCert>("send_cert", c_.send_cert,
                         {{"ifasked", SendCert::if_asked},
                          {"always", SendCert::always},
                          {"never", SendCert::never}});
    in_.boolean("send_certreq", c_.send_certreq);
    in_.boolean("tickets", c_.tickets);
    in_.boolean("revoke_tickets_on_delete", c_.revoke_tickets_on_delete);
    in_.choice<ike::AuthFormPolicy>("auth_form", c_.auth_form,
                                    {{"auto", ike::AuthFormPolicy::automatic},
                                     {"rfc", ike::AuthFormPolicy::rfc},
                                     {"libreswan", ike::AuthFormPolicy::libreswan}});
  }

  void read_times() {
    in_.seconds("rekey_time", c_.rekey_time_s, {0, kMonthS});
    in_.seconds("reauth_time", c_.reauth_time_s, {0, 12 * kMonthS});
    c_.over_time_s = std::max(c_.rekey_time_s, c_.reauth_time_s) / 10;
    in_.seconds("over_time", c_.over_time_s, {0, kMonthS});
    in_.seconds("dpd_delay", c_.dpd_delay_s, {0, 86'400});
  }

  // The words are the keys of [pools].
  void read_pools() {
    std::vector<std::string> pools;
    in_.strings("pools", pools);
    if (!in_.has("pools")) return;
    c_.pool4 = c_.pool6 = false;
    for (const std::string& pool : pools) {
      const bool is4 = pool == "ipv4" && config_.workers.child.pool4.count != 0;
      const bool is6 = pool == "ipv6" && config_.workers.child.pool6.count != 0;
      if (!is4 && !is6) in_.fail("pools", fmt::format("\"{}\" does not stand in [pools]", pool));
      c_.pool4 = c_.pool4 || is4;
      c_.pool6 = c_.pool6 || is6;
    }
  }

  void read_children() {
    const toml::table* children = in_.table("children");
    if (children == nullptr) return;
    TableReader list = in_.inside("children", *children);
    const auto named = list.named_tables();
    for (const auto& [name, table] : named) {
      TableReader child = list.inside(name, *table);
      if (name != named.front().first)
        list.fail(name, "expected one child: clients of a connection get the same Child SA");
      read_child_terms(child, c_);
      child.finish();
    }
  }

  void read_auth() {
    const toml::table* local = in_.table("local");
    const toml::table* remote = in_.table("remote");
    // With neither, a secret is what makes clients welcome.
    c_.full_handshakes = local != nullptr || remote != nullptr || !config_.secrets.empty();
    bool local_says = false, remote_says = false;
    static const toml::table kEmpty;
    TableReader local_in = in_.inside("local", local != nullptr ? *local : kEmpty);
    TableReader remote_in = in_.inside("remote", remote != nullptr ? *remote : kEmpty);
    read_local(local_in, c_.local, local_says);
    read_remote(remote_in, c_.remote, remote_says);
    local_in.finish();
    remote_in.finish();
    // One side that says nothing does as the other; EAP is for clients.
    if (!local_says && remote_says && c_.remote.auth != AuthKind::psk)
      c_.local.auth = AuthKind::pubkey;
    if (!remote_says && local_says) c_.remote.auth = c_.local.auth;
    if (!c_.full_handshakes) return;
    check_local(local != nullptr ? local_in : in_, local != nullptr);
    check_remote(remote_in, remote != nullptr);
    check_needs();
  }

  // `at` is the section when there is one, else the connection: the place where it is missing.
  void check_local(TableReader& at, bool has_section) {
    const bool certified = c_.local.auth == AuthKind::pubkey;
    const std::string missing = "is missing: with auth = \"pubkey\" we prove ourselves with it";
    if (certified && !has_section)
      return at.fail("local",
                     "is missing: expected a section with certs and private_key, because "
                     "clients are shown a certificate");
    if (certified && !at.has("certs")) at.fail("certs", missing);
    if (certified && !at.has("private_key")) at.fail("private_key", missing);
    if (certified || !has_section) return;
    for (const char* key : {"certs", "private_key"})
      if (at.has(key)) at.fail(key, "expected auth = \"pubkey\" beside it");
  }

  void check_remote(TableReader& at, bool has_section) {
    if (!has_section) return;
    if (c_.remote.auth != AuthKind::pubkey)
      for (const char* key : {"cacerts", "revocation"})
        if (at.has(key)) at.fail(key, "expected auth = \"pubkey\" beside it");
    if (c_.remote.auth != AuthKind::eap_radius && at.has("eap_id"))
      at.fail("eap_id", "expected auth = \"eap-radius\" beside it");
  }

  // What other sections must say.
  void check_needs() {
    if ((c_.local.auth == AuthKind::psk || c_.remote.auth == AuthKind::psk) &&
        config_.secrets.empty())
      in_.fail(c_.remote.auth == AuthKind::psk ? "remote" : "local",
               "expected a secret for auth = \"psk\": a section [secrets.ike-NAME]");
    if (c_.remote.auth == AuthKind::pubkey && c_.remote.cacert_files.empty() &&
        config_.authorities.empty())
      in_.fail("remote",
               "expected an authority for auth = \"pubkey\": cacerts, or a section "
               "[authorities.NAME]");
    if (c_.remote.auth == AuthKind::eap_radius && config_.radius.servers.empty())
      in_.fail("remote",
               "expected a server for auth = \"eap-radius\": a section [radius.servers.NAME]");
    // RFC 7296 §2.16: the responder MUST use a public key signature beside EAP.
    if (c_.remote.auth == AuthKind::eap_radius && c_.local.auth != AuthKind::pubkey)
      in_.fail("local", "expected auth = \"pubkey\": clients that use EAP must see a certificate");
  }

  TableReader in_;
  const GatewayConfig& config_;
  Connection& c_;
};

// Workers hear of what a connection's clients get only where it differs from [child] and [pools].
std::optional<dp::ChildConfig> own_child(const Connection& c, const dp::ChildConfig& common) {
  const bool same_ts =
      std::ranges::equal(std::span(c.local_ts.items).first(c.local_ts.count),
                         std::span(common.local_ts.items).first(common.local_ts.count));
  if (same_ts && c.esp_suites == common.esp_suites && c.pool4 && c.pool6) return std::nullopt;
  dp::ChildConfig own = common;
  own.esp_suites = c.esp_suites;
  own.local_ts = c.local_ts;
  if (!c.pool4) own.pool4 = {};
  if (!c.pool6) own.pool6 = {};
  return own;
}

}  // namespace

void read_child(TableReader in, dp::ChildConfig& child, Connection& defaults) {
  defaults.child_suites.assign(ike::default_esp_suites().begin(), ike::default_esp_suites().end());
  defaults.local_ts.items[0] = *parse_selector("0.0.0.0/0");
  defaults.local_ts.items[1] = *parse_selector("::/0");
  defaults.local_ts.count = 2;
  read_child_terms(in, defaults);
  child.esp_suites = without_ke(defaults.child_suites);
  child.local_ts = defaults.local_ts;
  std::vector<Address> dns;
  in.values("dns", dns, parse_address);
  for (const Address& server : dns) {
    if (const auto* ip4 = std::get_if<ike::Ip4>(&server)) child.dns4.push_back(*ip4);
    if (const auto* ip6 = std::get_if<ike::Ip6>(&server)) child.dns6.push_back(*ip6);
  }
  if (std::max(child.dns4.size(), child.dns6.size()) > ike::kDnsMax)
    in.fail("dns", fmt::format("expected at most {} servers of one family", ike::kDnsMax));
  in.finish();
}

void read_connections(TableReader in, const Connection& defaults, GatewayConfig& config) {
  const auto named = in.named_tables();
  if (named.size() > kConnectionsMax)
    return in.fail(named.back().first,
                   fmt::format("expected at most {} connections", kConnectionsMax));
  for (const auto& [name, table] : named) {
    Connection connection = defaults;
    connection.name = name;
    connection.id = connection_id(name);
    connection.ike_suites.assign(ike::default_ike_suites().begin(),
                                 ike::default_ike_suites().end());
    ConnectionReader(in.inside(name, *table), config, connection).read();
    const auto same = std::ranges::find(config.connections, connection.id, &Connection::id);
    if (same != config.connections.end())
      in.fail(name,
              fmt::format("expected another name: tickets cannot tell it from \"{}\"", same->name));
    if (connection.tickets)
      config.workers.connections.push_back({.id = connection.id,
                                            .name = name,
                                            .auth_form = connection.auth_form,
                                            .mobike = connection.mobike,
                                            .ike_suites = connection.ike_suites,
                                            .child = own_child(connection, config.workers.child),
                                            .child_limits = connection.child_limits()});
    config.connections.push_back(std::move(connection));
  }
}

}  // namespace cp
