// What the clients of a PlaneWorld say.
#include <fmt/format.h>

#include <algorithm>

#include "controlplane/ke_groups.h"
#include "crypto/base/error.h"
#include "ike/proposal.h"
#include "tests/controlplane/plane_world.h"

namespace cp {
namespace {

template <class Write>
Octets inner_of(ike::PayloadType& first, Write write) {
  Octets inner(4096);
  crypto::ByteWriter writer(inner);
  ike::ChainBuilder chain(writer);
  write(chain);
  CHECK(writer.ok());
  inner.resize(writer.size());
  first = chain.first_type();
  return inner;
}

constexpr std::array kRefusals = {ike::Notify::temporary_failure,  ike::Notify::no_additional_sas,
                                  ike::Notify::no_proposal_chosen, ike::Notify::child_sa_not_found,
                                  ike::Notify::invalid_ke_payload, ike::Notify::invalid_syntax};

}  // namespace

void PlaneWorld::begin(Peer& p) { start(p, {}); }

void PlaneWorld::start(Peer& p, const ike::AdditionalKes& kes, const std::string& eap_gateway) {
  const std::uint8_t how = arg();
  p = {};
  p.client = std::make_unique<IkeClient>(++serial_);
  p.client->identity = fmt::format("c{}@example.org", how % 4);
  p.client->initial_contact = (how & 4) != 0;
  p.client->mobike = (how & 8) != 0;
  p.client->fragmentation = (how & 16) == 0;
  p.client->ticket_request = (how & 32) == 0;
  p.client->childless = (how & 64) != 0;
  p.client->wants_ip4 = (how & 128) == 0;
  p.client->suites[0].additional = kes;
  p.client->asks_eap = !eap_gateway.empty();
  p.client->gateway_identity = eap_gateway;
  p.newest = p.client->child_in;
  p.path = rig_path(500, static_cast<std::uint8_t>(7 + (&p - peers_.data())));
  const auto answers = deliver(p.client->sa_init(), p.path);
  if (answers.size() == 1 && p.client->take_sa_init(answers[0])) p.stage = Stage::initiated;
}

// Two key exchanges or three, of which some are done at once.
void PlaneWorld::begin_hybrid(Peer& p) {
  const std::uint8_t how = arg();
  ike::AdditionalKes kes;
  kes.set(0, ike::KeId::ecp_256);
  if (how % 4 == 3) kes.set(3, ike::KeId::ecp_384);
  start(p, kes);
  for (unsigned i = 0; i < how / 4 % 4; ++i) intermediate(p);
}

void PlaneWorld::intermediate(Peer& p) {
  if (p.stage != Stage::initiated) return;
  prepare(p);
  std::vector<Octets> answers;
  for (const Octets& message : p.client->intermediate(arg() % 4 == 3 ? 100 : 4096))
    answers = deliver(message, p.path);
  static_cast<void>(p.client->take_intermediate(answers));
}

void PlaneWorld::authenticate(Peer& p) {
  if (p.stage != Stage::initiated) return;
  const std::uint8_t how = arg();
  prepare(p);
  if (how % 8 == 7) p.client->psk = {'w', 'r', 'o', 'n', 'g'};
  if (how % 2 == 1) p.path = rig_path(4500, p.path.peer[3]);
  if (p.client->asks_eap) p.stage = Stage::eap;
  const auto answers = deliver(p.client->auth(), p.path);
  if (p.client->asks_eap) return take_eap(answers);
  if (!answers.empty() && p.client->take_auth(answers)) p.stage = Stage::up;
}

void PlaneWorld::say_anything(Peer& p) {
  if (p.stage == Stage::none) return;
  prepare(p);
  const auto exchange = static_cast<ike::Exchange>(35 + arg() % 4);
  const auto first = static_cast<ike::PayloadType>(arg());
  deliver(p.client->request(exchange, first, octets_of_arg()), p.path);
}

void PlaneWorld::say_anything_fragmented(Peer& p) {
  if (p.stage == Stage::none) return;
  prepare(p);
  const std::uint8_t wanted = arg();
  const auto exchange = static_cast<ike::Exchange>(35 + arg() % 3);
  const auto pieces = p.client->fragments(exchange, 1300 + std::size_t{arg()} * 16);
  for (std::size_t i = 0; i < pieces.size(); ++i)
    if ((wanted >> i % 8 & 1) == 0) deliver(pieces[i], p.path);
}

void PlaneWorld::inform(Peer& p) {
  if (p.stage != Stage::up) return;
  const std::uint8_t how = arg();
  prepare(p);
  const ike::EspSpi invented(0xdead'0000u + how);
  ike::InformationalContent content;
  switch (how % 7) {
    case 0:
      break;
    case 1:
      content.deleted_esp = {&p.newest, 1};
      break;
    case 2:
      content.deleted_esp = {&invented, 1};
      break;
    case 3:
      content.deletes_ike = true;
      break;
    case 4:
      content.update_sa_addresses = true;
      break;
    case 5:
      content.ticket_request = true;
      break;
    default:
      content.has_config = true;
  }
  ike::PayloadType first = ike::PayloadType::none;
  const Octets inner =
      inner_of(first, [&](ike::ChainBuilder& chain) { ike::write_informational(chain, content); });
  deliver(p.client->request(ike::Exchange::informational, first, inner), p.path);
}

void PlaneWorld::rekey_child(Peer& p) {
  if (p.stage != Stage::up) return;
  const std::uint8_t how = arg();
  prepare(p);
  const ike::EspSpi old = how % 4 == 0 ? ike::EspSpi(0) : p.newest;
  const ike::EspSpi fresh(0xc000'0000u + static_cast<std::uint32_t>(++serial_));
  const bool hybrid = how % 8 >= 6;
  const auto answers =
      deliver(p.client->rekey_child(
                  old, fresh, how % 2 == 0 && !hybrid ? ike::KeId::none : ike::KeId::curve25519,
                  hybrid ? p.client->suites[0].additional : ike::AdditionalKes()),
              p.path);
  if (!p.client->take_create_child(p.client->open(answers), ike::Protocol::esp)) return;
  const bool waits = p.client->kes.next_ke < ike::AdditionalKes::kMax;
  (waits ? p.to_come : p.newest) = fresh;
}

void PlaneWorld::followup(Peer& p) {
  if (p.stage != Stage::up || p.client->kes.next_ke >= ike::AdditionalKes::kMax) return;
  prepare(p);
  const auto answers = deliver(p.client->followup(), p.path);
  if (!p.client->take_followup(p.client->open(answers))) return;
  if (p.client->kes.next_ke < ike::AdditionalKes::kMax) return;
  if (p.client->kes.spi_r == ike::IkeSpi()) {
    p.newest = p.to_come;
    return;
  }
  p.client->go_on_with_chain();
  p.client->is_responder = false;
  p.asked.reset();
}

void PlaneWorld::rekey_ike(Peer& p) {
  if (p.stage != Stage::up) return;
  const std::uint8_t how = arg();
  prepare(p);
  auto old = twin_of(*p.client);
  const auto answers = deliver(p.client->rekey_ike(ike::IkeSpi(0xa000'0000 + ++serial_)), p.path);
  if (!p.client->take_rekey_ike(p.client->open(answers))) return;
  p.client->is_responder = false;
  const auto asked = std::exchange(p.asked, std::nullopt);
  if (how % 2 != 0) return;
  Peer& other = next_to(p);
  other = {};
  other.client = std::move(old);
  other.asked = asked;  // the gateway's own rekey, which this one crosses
  other.stage = Stage::up;
  other.path = p.path;
}

std::unique_ptr<IkeClient> PlaneWorld::twin_of(const IkeClient& client) {
  auto twin = std::make_unique<IkeClient>(++serial_);
  twin->spi_i = client.spi_i;
  twin->spi_r = client.spi_r;
  twin->suite = client.suite;
  twin->keymat = client.keymat;
  twin->is_responder = client.is_responder;
  twin->fragmentation = client.fragmentation;
  twin->tx_counter = client.tx_counter;
  return twin;
}

void PlaneWorld::answer(Peer& p) {
  if (p.stage != Stage::up || !p.asked) return;
  const std::uint8_t how = arg();
  const IkeClient::Opened asked = *p.asked;
  ike::PayloadType first = ike::PayloadType::none;
  if (how % 8 == 7) {
    first = static_cast<ike::PayloadType>(arg());
    deliver(p.client->answer(asked.header, first, octets_of_arg()), p.path);
    return;
  }
  p.asked.reset();
  if (how % 8 == 6) {
    const ike::Notify why = kRefusals[arg() % kRefusals.size()];
    const std::array<std::uint8_t, 2> group = {0, static_cast<std::uint8_t>(19 + how / 128)};
    const Octets inner = inner_of(first, [&](ike::ChainBuilder& chain) {
      chain.notify(why,
                   why == ike::Notify::invalid_ke_payload ? crypto::Bytes(group) : crypto::Bytes());
    });
    deliver(p.client->answer(asked.header, first, inner), p.path);
  } else if (asked.header.exchange == ike::Exchange::create_child_sa) {
    if (const Octets made = answer_offer(p, asked); !made.empty()) deliver(made, p.path);
  } else if (asked.header.exchange == ike::Exchange::ike_followup_ke) {
    deliver(answer_followup(p, asked), p.path);
  } else {
    deliver(p.client->answer(asked.header, ike::PayloadType::none, {}), p.path);
  }
}

// What the gateway asks for, with or without a link to the next. What it makes then, this client
// does not follow: for the gateway it is silent from then on.
Octets PlaneWorld::answer_followup(Peer& p, const IkeClient::Opened& asked) {
  ike::KeMessage message;
  ike::PayloadType offending = ike::PayloadType::none;
  CHECK(ike::parse_ke_message(asked.first, asked.inner, message, offending) ==
        ike::ParseError::none);
  const auto group = *ke_group(message.ke);
  Octets ke, shared(crypto::ke_shared_len(group));
  CHECK(crypto::KeyExchange::respond(group, message.ke_data, ke, shared));
  const Octets link(arg() % 4, 7);
  ike::PayloadType first = ike::PayloadType::none;
  const Octets inner = inner_of(first, [&](ike::ChainBuilder& chain) {
    ike::write_ke_message(chain, {.ke = message.ke, .ke_data = ke, .link = link});
  });
  return p.client->answer(asked.header, first, inner);
}

// Takes what the gateway offers in its CREATE_CHILD_SA. The nonce is all the same octets, so that a
// collision goes either way.
Octets PlaneWorld::answer_offer(Peer& p, const IkeClient::Opened& asked) {
  ike::CreateChildRequest request;
  ike::PayloadType offending;
  CHECK(ike::parse_create_child_request(asked.first, asked.inner, request, offending) ==
        ike::ParseError::none);
  const bool is_ike = request.kind == ike::CreateChildKind::rekey_ike;
  ike::Choice choice;
  bool fits = false;
  std::vector<ike::Suite> suites = is_ike ? p.client->suites : p.client->esp_suites;
  if (!is_ike) {
    suites.push_back(suites.front());
    suites.front().ke = ike::KeId::curve25519;
  }
  if (!ike::choose_with_ke(request.sa, is_ike ? ike::Protocol::ike : ike::Protocol::esp, suites,
                           request.ke, ike::KePolicy::save_round_trip, choice, fits) ||
      !fits)
    return {};
  const Octets nonce(32, arg());
  Octets ke, shared;
  if (choice.suite.ke != ike::KeId::none) {
    const auto group = *ke_group(choice.suite.ke);
    shared.resize(crypto::ke_shared_len(group));
    CHECK(crypto::KeyExchange::respond(group, request.ke_data, ke, shared));
  }
  const Octets link(choice.suite.additional.empty() ? 0 : 1, 7);
  const ike::IkeSpi own(0xd000'0000 + ++serial_);
  const ike::EspSpi child(0xe000'0000u + static_cast<std::uint32_t>(serial_));
  ike::PayloadType first = ike::PayloadType::none;
  const Octets inner = inner_of(first, [&](ike::ChainBuilder& chain) {
    ike::write_create_child_response(chain, {.is_ike = is_ike,
                                             .proposal_number = choice.proposal_number,
                                             .suite = choice.suite,
                                             .child_spi = child,
                                             .ike_spi = own,
                                             .nonce = nonce,
                                             .ke_data = ke,
                                             .ts_i = is_ike ? nullptr : &request.ts_i,
                                             .ts_r = is_ike ? nullptr : &request.ts_r,
                                             .link = link});
  });
  Octets message = p.client->answer(asked.header, first, inner);
  if (!link.empty()) return message;
  if (is_ike)
    follow(p, request, choice, shared, nonce, own);
  else
    p.newest = child;
  return message;
}

// The client goes on with the IKE SA that the gateway made; the old one waits for its Delete at the
// next client.
void PlaneWorld::follow(Peer& p, const ike::CreateChildRequest& request, const ike::Choice& choice,
                        const Octets& shared, const Octets& nonce, ike::IkeSpi own) {
  Peer& other = next_to(p);
  other = {};
  other.client = twin_of(*p.client);
  other.stage = Stage::up;
  other.path = p.path;
  IkeClient& c = *p.client;
  const ike::IkeSpi gateway(crypto::load_be64(choice.spi.data()));
  Octets fresh(ike::ike_keymat_len(choice.suite));
  ike::derive_rekeyed_keys(c.engine(), c.suite, c.keys().sk_d, choice.suite, shared, request.nonce,
                           nonce, gateway, own, fresh);
  c.keymat = fresh;
  c.suite = choice.suite;
  c.spi_i = gateway;
  c.spi_r = own;
  c.is_responder = true;
  c.tx_counter = 0;
}

void PlaneWorld::move(Peer& p) {
  const std::uint8_t to = arg();
  if (p.stage != Stage::none)
    p.path = rig_path(to % 2 == 0 ? 500 : 4500, static_cast<std::uint8_t>(7 + to / 2 % 8));
}

// A client that resumed at the worker, whose SA the worker hands over.
void PlaneWorld::adopt(Peer& p) {
  const std::uint8_t how = arg();
  p = {};
  p.client = std::make_unique<IkeClient>(++serial_);
  IkeClient& c = *p.client;
  p.path = rig_path((how & 1) != 0 ? 4500 : 500, 7);
  p.stage = Stage::up;
  p.newest = c.child_in;
  c.suite = c.suites[0];
  c.spi_r = ike::IkeSpi(0xac00'0000'0000'0000 + serial_);
  c.keymat.assign(ike::ike_keymat_len(c.suite), static_cast<std::uint8_t>(serial_));
  c.message_id = 2;
  auto punt = std::make_unique<dp::Punt>();
  punt->kind = dp::PuntKind::adopted;
  punt->path = p.path;
  dp::AdoptedSa& sa = punt->sa;
  sa = {};
  sa.spi_i = c.spi_i;
  sa.spi_r = c.spi_r;
  sa.suite = c.suite;
  sa.next_message_id = 2;
  sa.full_auth_s = rig_.now().unix_s;
  sa.established_ms = rig_.now().ms;
  sa.fragmentation = (how & 2) != 0;
  sa.connection_index = (how & 4) != 0 ? std::uint16_t{9} : std::uint16_t{0};
  const std::array<std::uint8_t, 6> id = {2, 0, 0, 0, 'c', static_cast<std::uint8_t>(how & 3)};
  sa.id_i_len = id.size();
  std::ranges::copy(id, sa.id_i.begin());
  if ((how & 8) != 0) {
    const auto address = rig_.workers().lease4(nullptr, c.spi_r, {}, how);
    sa.ip4_lease = rig_.workers().index4(*address);
  }
  if ((how & 16) != 0) {
    sa.has_child = true;
    sa.child_in = ike::EspSpi(0x1000'0000u + static_cast<std::uint32_t>(serial_));
    sa.child_out = c.child_in;
    sa.child_suite = c.esp_suites[0];
    const std::array<std::uint8_t, 4> any{};
    sa.ts_local.items[sa.ts_local.count++] = ike::selector_of(ike::TsType::ipv4_addr_range, any, 0);
    if (sa.ip4_lease == dp::kNoLease)
      sa.ts_remote.items[sa.ts_remote.count++] =
          ike::selector_of(ike::TsType::ipv4_addr_range, p.path.peer, 32);
    CHECK(installed_.insert(sa.child_in.value()).second);
  }
  // SK_d | SK_ai | SK_ar | SK_ei | SK_er stand at the beginning of KEYMAT.
  const std::size_t kept = ike::ike_keymat_len(c.suite) - 2 * ike::prf_len(c.suite);
  std::copy_n(c.keymat.begin(), kept, sa.keys.begin());
  sa.keys_len = static_cast<std::uint16_t>(kept);
  const Octets message = c.empty_request(ike::Exchange::informational);
  punt->message_len = static_cast<std::uint16_t>(message.size());
  std::ranges::copy(message, punt->message.begin());
  rig_.deliver(*punt);
  serve();
}

}  // namespace cp
