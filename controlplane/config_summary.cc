// What `--check` prints: the configuration as understood, without its secrets.
#include <fmt/format.h>

#include "controlplane/config.h"
#include "controlplane/identity_text.h"
#include "controlplane/proposal_text.h"
#include "controlplane/value_text.h"

namespace cp {
namespace {

std::string suites_text(const std::vector<ike::Suite>& suites,
                        std::string (*text_of)(const ike::Suite&)) {
  if (suites.empty()) return "none";
  std::string text = text_of(suites.front());
  if (suites.size() > 1) text += fmt::format(" and {} more", suites.size() - 1);
  return text;
}

std::string seconds_text(std::uint32_t seconds) { return duration_text(seconds * 1000ull); }
std::string period_text(std::uint32_t seconds) {
  return seconds == 0 ? "never" : "every " + seconds_text(seconds);
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string ids_text(const std::vector<IdPattern>& ids) {
  if (ids.empty()) return "everybody";
  std::vector<std::string> words;
  for (const IdPattern& id : ids) words.push_back(id_pattern_text(id));
  return joined(words);
}

const char* revocation_name(crypto::CrlPolicy policy) {
  switch (policy) {
    case crypto::CrlPolicy::off:
      return "off";
    case crypto::CrlPolicy::ifcrl:
      return "relaxed";
    case crypto::CrlPolicy::strict:
      return "strict";
  }
  return "";
}

std::string local_text(const LocalAuth& local) {
  std::string text = auth_name(local.auth);
  if (!local.id.empty()) text += " as " + identity_text(local.id);
  if (local.auth == AuthKind::pubkey)
    text += fmt::format(", certificate {}, key {}", joined(local.cert_files), local.key_file);
  return text;
}

std::string remote_text(const RemoteAuth& remote) {
  std::string text = fmt::format("{} of {}", auth_name(remote.auth), ids_text(remote.ids));
  if (remote.auth != AuthKind::pubkey) return text;
  return text +
         fmt::format(", authorities {}, revocation {}",
                     remote.cacert_files.empty() ? "of [authorities]" : joined(remote.cacert_files),
                     revocation_name(remote.revocation));
}

std::string connection_text(const Connection& c) {
  std::string text = fmt::format("connection   {} (id {:08x}): {}\n", c.name, c.id,
                                 suites_text(c.ike_suites, ike_suite_text));
  if (!c.full_handshakes) return text + "  tickets only: nobody authenticates here\n";
  text +=
      fmt::format("  local      {}\n  remote     {}\n", local_text(c.local), remote_text(c.remote));
  text += fmt::format("  child      {}\n", suites_text(c.esp_suites, esp_suite_text));
  return text + fmt::format("  times      rekey {}, child {}, full authentication {}, DPD {}{}\n",
                            period_text(c.rekey_time_s), period_text(c.child_rekey_time_s),
                            period_text(c.reauth_time_s), period_text(c.dpd_delay_s),
                            c.tickets ? "" : "; no tickets");
}

std::string credentials_text(const GatewayConfig& config) {
  std::string text;
  for (const SecretConfig& secret : config.secrets)
    text += fmt::format("secret       {} of {}, {}\n", secret.name, ids_text(secret.ids),
                        secret.file.empty() ? std::string("in this file") : secret.file);
  for (const AuthorityConfig& authority : config.authorities)
    text += fmt::format("authority    {}: {}, {} CRL(s)\n", authority.name, authority.cacert_file,
                        authority.crl_files.size());
  for (const RadiusServer& server : config.radius.servers) {
    const std::string address =
        std::visit([](const auto& a) { return address_text(a); }, server.address);
    text += fmt::format("radius       {}: {} port {}, secret {}\n", server.name, address,
                        server.port, server.secret_file);
  }
  if (!config.control.socket.empty())
    text +=
        fmt::format("control      {}, mode {:04o}\n", config.control.socket, config.control.mode);
  return text;
}

std::string mac_text(const dp::Mac& mac) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3],
                     mac[4], mac[5]);
}

std::string inside_text(const dp::WorkerConfig& w) {
  const dp::InsideRoute& route = w.inside_route;
  if (w.inside.ip4.empty() && w.inside.ip6.empty())
    return "inside       none: tunnels lead to other clients alone\n";
  std::string text = fmt::format(
      "inside       {}:", w.inside.device.empty() ? "no device, own addresses" : w.inside.device);
  for (const ike::Ip4& address : w.inside.ip4)
    text += fmt::format(" {}{}", address_text(address),
                        &address == &w.inside.ip4[0] ? fmt::format("/{}", route.prefix4) : "");
  for (const ike::Ip6& address : w.inside.ip6)
    text += fmt::format(" {}{}", address_text(address),
                        &address == &w.inside.ip6[0] ? fmt::format("/{}", route.prefix6) : "");
  if (w.shares_port()) text += fmt::format(", VLAN {} of the same device", w.inside.vlan);
  text += "\n";
  if (w.inside.device.empty()) return text;
  text += "  gateways  ";
  if (route.gateway4) text += " " + address_text(*route.gateway4);
  if (route.gateway6) text += " " + address_text(*route.gateway6);
  if (route.gateway_mac)
    return text + fmt::format(" {} for everything\n", mac_text(*route.gateway_mac));
  return text + (route.gateway4 || route.gateway6 ? "\n" : " none: hosts of the subnet alone\n");
}

}  // namespace

std::string config_summary(const GatewayConfig& config) {
  const dp::WorkerConfig& w = config.workers;
  std::string text = fmt::format("device       {}, {} worker(s), {} sessions each\n",
                                 w.outside.device, w.worker_count, w.sessions_max);
  text += "addresses   ";
  for (const ike::Ip4& address : w.outside.ip4) text += fmt::format(" {}", address_text(address));
  for (const ike::Ip6& address : w.outside.ip6) text += fmt::format(" {}", address_text(address));
  text += "\n" + inside_text(w);
  if (w.child.pool4.count != 0)
    text += fmt::format("pool         {}, {} addresses\n", pool_text(w.child.pool4),
                        w.child.pool4.count);
  if (w.child.pool6.count != 0)
    text += fmt::format("pool         {}, {} addresses\n", pool_text(w.child.pool6),
                        w.child.pool6.count);
  text += fmt::format(
      "tickets      live {}, full authentication every {}, keys rotate {}\n",
      duration_text(w.tickets.lifetime_s * 1000ull), duration_text(w.tickets.reauth_s * 1000ull),
      config.keyring.rotate_every_s == 0
          ? std::string("by hand")
          : fmt::format("every {}", duration_text(config.keyring.rotate_every_s * 1000ull)));
  text += fmt::format("keyring      {}\nstate        {}\n", config.keyring.path, w.state_dir);
  text += fmt::format("child        {}\n", suites_text(w.child.esp_suites, esp_suite_text));
  for (const Connection& c : config.connections) text += connection_text(c);
  return text + credentials_text(config);
}

}  // namespace cp
