// Reads the sections that name secrets, authorities, RADIUS servers and the control socket.
#include <fmt/format.h>

#include "controlplane/config_sections.h"
#include "controlplane/radius_client.h"
#include "controlplane/secret_text.h"

namespace cp {
namespace {

SecretConfig read_secret(TableReader in, const std::string& name) {
  SecretConfig secret;
  secret.name = name;
  in.values("id", secret.ids, parse_id_pattern);
  const bool has_text = in.has("secret"), has_file = in.has("secret_file");
  in.value("secret", secret.secret, parse_secret);
  in.string("secret_file", secret.file);
  if (has_text && has_file) in.fail("secret_file", "expected either secret or secret_file");
  if (!has_text && !has_file) in.fail("secret", "is missing: expected secret or secret_file");
  in.finish();
  return secret;
}

// No error quotes the mode: it may come as a number that TOML has read as a decimal one.
crypto::Result<std::uint32_t> parse_mode(std::string_view text) {
  if (text == "0600") return 0600u;
  if (text == "0660") return 0660u;
  return crypto::fail(fmt::format("expected \"0600\" or \"0660\", not \"{}\"", text));
}

}  // namespace

void read_secrets(TableReader in, std::vector<SecretConfig>& secrets) {
  for (const auto& [name, table] : in.named_tables()) {
    if (!name.starts_with("ike"))
      in.fail(name,
              "expected a name that begins with \"ike\": other secrets have other places "
              "(private_key of a connection, the servers of [radius])");
    secrets.push_back(read_secret(in.inside(name, *table), name));
  }
}

void read_authorities(TableReader in, std::vector<AuthorityConfig>& authorities) {
  for (const auto& [name, table] : in.named_tables()) {
    AuthorityConfig authority;
    authority.name = name;
    TableReader section = in.inside(name, *table);
    section.string("cacert", authority.cacert_file, Presence::required);
    section.strings("crls", authority.crl_files);
    section.finish();
    authorities.push_back(std::move(authority));
  }
}

void read_radius(TableReader in, RadiusConfig& radius) {
  in.milliseconds("timeout", radius.timeout_ms, {100, 60'000});
  in.integer("tries", radius.tries, {1, 16});
  in.string("nas_identifier", radius.nas_identifier);
  const toml::table* servers = in.table("servers", Presence::required);
  if (servers != nullptr) {
    TableReader list = in.inside("servers", *servers);
    for (const auto& [name, table] : list.named_tables()) {
      RadiusServer server;
      server.name = name;
      TableReader section = list.inside(name, *table);
      section.value("address", server.address, parse_address, Presence::required);
      section.integer("port", server.port, {1, 65535});
      section.string("secret_file", server.secret_file, Presence::required);
      section.finish();
      radius.servers.push_back(std::move(server));
    }
    if (radius.servers.empty() || radius.servers.size() > kRadiusServersMax)
      in.fail("servers",
              fmt::format("expected 1 to {} sections [radius.servers.NAME]", kRadiusServersMax));
  }
  in.finish();
}

void read_control(TableReader in, ControlConfig& control) {
  in.string("socket", control.socket);
  in.value("mode", control.mode, parse_mode);
  in.string("group", control.group);
  if (in.has("group") && control.mode == 0600)
    in.fail("group", "expected mode = \"0660\" beside it: with 0600 no group gets in");
  in.finish();
}

}  // namespace cp
