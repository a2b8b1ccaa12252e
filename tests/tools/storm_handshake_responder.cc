// IKE_SA_INIT and IKE_AUTH, one message at a time.
#include "tests/tools/storm_handshake_responder.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "controlplane/ke_groups.h"
#include "ike/auth_octets.h"
#include "ike/proposal.h"
#include "ike/resume.h"
#include "ike/sa_init.h"
#include "ike/sk_payload.h"
#include "tools/storm/client_identity.h"

namespace storm {
namespace {

constexpr std::size_t kMessageMax = 2048;

Octets octets(crypto::Bytes b) { return {b.begin(), b.end()}; }

}  // namespace

HandshakeResponder::HandshakeResponder() : engine_(crypto::make_ossl_engine()) {}

Octets HandshakeResponder::answer(crypto::Bytes message) {
  ike::Header header;
  EXPECT_EQ(ike::parse_header(message, header), ike::ParseError::none);
  if (header.exchange == ike::Exchange::ike_sa_init) return answer_init(message, header);
  EXPECT_EQ(header.exchange, ike::Exchange::ike_auth);
  return answer_auth(message, header);
}

Octets HandshakeResponder::answer_init(crypto::Bytes message, const ike::Header& header) {
  ike::SaInitRequest request;
  ike::PayloadType offending{};
  EXPECT_EQ(ike::parse_sa_init_request(message, request, offending), ike::ParseError::none);
  if (request.has_cookie) ++cookies_seen;
  Octets out(kMessageMax);
  if (demand_cookies && (take_no_cookie || !request.has_cookie)) {
    ++challenges;
    const Octets cookie(20, 0xc0);
    out.resize(ike::write_cookie_challenge(request.spi_i, ike::Exchange::ike_sa_init, cookie, out));
    return out;
  }
  ike::Choice choice;
  bool ke_fits = false;
  if (refuse_proposals ||
      !ike::choose_with_ke(request.sa, ike::Protocol::ike, ike_suites, request.ke,
                           ike::KePolicy::strict, choice, ke_fits)) {
    out.resize(ike::write_clear_notify(header, ike::Notify::no_proposal_chosen, {}, out));
    return out;
  }
  if (wanted != ike::KeId::none || !ke_fits) {
    const ike::KeId group = wanted != ike::KeId::none ? wanted : choice.suite.ke;
    out.resize(ike::write_invalid_ke(header, group, out));
    return out;
  }
  Session& s = sessions_[request.spi_i.value()];
  if (!s.message2.empty() && std::ranges::equal(s.message1, message)) return s.message2;
  if (request.has_nat_source && request.has_nat_destination) ++nat_detections;
  public_values.insert(octets(request.ke_data));
  s.message1 = octets(message);
  s.suite = choice.suite;
  s.ke = request.ke;
  s.nonce_i = octets(request.nonce);
  s.nonce_r.assign(40, static_cast<std::uint8_t>(next_spi_));
  s.spi_i = request.spi_i;
  s.spi_r = ike::IkeSpi(next_spi_++);
  Octets ke, shared(crypto::kKeSharedMax);
  const crypto::KeGroup group = *cp::ke_group(choice.suite.ke);
  EXPECT_TRUE(crypto::KeyExchange::respond(group, request.ke_data, ke, shared));
  shared.resize(crypto::ke_shared_len(group));
  ike::SaInitResponse response;
  response.spi_i = s.spi_i;
  response.spi_r = s.spi_r;
  response.proposal_number = choice.proposal_number;
  response.suite = s.suite;
  response.nonce = s.nonce_r;
  if (before_message2) before_message2(response, ke);
  response.ke_data = ke;
  out.resize(ike::write_sa_init_response(response, out));
  s.message2 = out;
  s.keymat.resize(ike::ike_keymat_len(s.suite));
  ike::derive_ike_keys(*engine_, s.suite, shared, s.nonce_i, s.nonce_r, s.spi_i, s.spi_r, s.keymat);
  s.child_keymat.resize(ike::child_keymat_len(child_suite));
  ike::derive_child_keys(*engine_, s.suite, s.keys().sk_d, s.nonce_i, s.nonce_r, s.child_keymat);
  return out;
}

Octets HandshakeResponder::auth_of(const Session& s, crypto::Bytes sk_p, crypto::Bytes message,
                                   crypto::Bytes nonce, crypto::Bytes id) const {
  const crypto::Prf prf = ike::prf_of(s.suite.prf);
  Octets text(ike::auth_octets_max(message.size()));
  text.resize(ike::write_auth_octets(*engine_,
                                     {.prf = prf,
                                      .sk_p = sk_p,
                                      .real_message = message,
                                      .peer_nonce = nonce,
                                      .id_body = id,
                                      .int_auth = {}},
                                     text));
  Octets auth(crypto::prf_len(prf));
  ike::shared_key_auth(*engine_, prf, octets_of(psk), text, auth.data());
  return auth;
}

Octets HandshakeResponder::seal(const Session& s,
                                const std::function<void(ike::ChainBuilder&)>& write) {
  ike::Header header;
  header.spi_i = s.spi_i;
  header.spi_r = s.spi_r;
  header.exchange = ike::Exchange::ike_auth;
  header.flags = ike::kFlagResponse;
  header.message_id = ike::MessageId(1);
  Octets out(kMessageMax);
  ike::SkBuilder builder(out, header, s.suite);
  write(builder.chain());
  out.resize(builder.finish(Octets(ike::iv_len(s.suite), 1)));
  EXPECT_FALSE(out.empty());
  ike::seal_sk(*engine_, s.suite, s.keys().sk_er, s.keys().sk_ar, out);
  return out;
}

Octets HandshakeResponder::answer_auth(crypto::Bytes message, const ike::Header& header) {
  const auto found = sessions_.find(header.spi_i.value());
  if (found == sessions_.end()) return {};
  Session& s = found->second;
  if (s.established) return s.message4;
  ike::SkView sk;
  EXPECT_EQ(ike::find_sk(message, header, s.suite, sk), ike::ParseError::none);
  Octets plaintext(sk.ciphertext.size());
  crypto::Bytes inner;
  if (!ike::open_sk(*engine_, s.suite, s.keys().sk_ei, s.keys().sk_ai, sk, plaintext.data()) ||
      ike::strip_padding(plaintext, inner) != ike::ParseError::none)
    return {};
  ike::AuthRequest request;
  ike::PayloadType offending{};
  EXPECT_EQ(ike::parse_auth_request(sk.first_inner, inner, request, offending),
            ike::ParseError::none);
  s.id_i = octets(request.id_i.body);
  if (!std::ranges::equal(request.auth.data,
                          auth_of(s, s.keys().sk_pi, s.message1, s.nonce_r, s.id_i))) {
    ++auth_wrong;
    return seal(s, [](ike::ChainBuilder& c) { c.notify(ike::Notify::authentication_failed); });
  }
  ike::Choice choice;
  EXPECT_TRUE(ike::choose(request.sa, ike::Protocol::esp, {&child_suite, 1}, choice));
  EXPECT_TRUE(request.has_config && request.config.wants_ip4 && request.initial_contact);
  const Octets auth = auth_of(s, s.keys().sk_pr, s.message2, s.nonce_i, id_r);
  s.ip4 = {10, 7, static_cast<std::uint8_t>(established >> 8),
           static_cast<std::uint8_t>(established)};
  Octets ticket(100, 0x55);
  crypto::store_be32(ticket.data(), established);
  ike::FullAuthResponse response;
  response.id_r_body = id_r;
  response.auth = auth;
  response.has_config = true;
  response.config.has_ip4 = true;
  response.config.ip4 = s.ip4;
  response.has_child = true;
  response.child_suite = child_suite;
  response.child_spi = ike::EspSpi(0x1000 + established);
  response.ts_i = &request.ts_i;
  response.ts_r = &request.ts_r;
  if (request.ticket_request) response.ticket = ticket;
  response.ticket_lifetime_s = 3600;
  if (before_message4) before_message4(response);
  s.message4 = seal(s, [&](ike::ChainBuilder& c) { ike::write_full_auth_response(c, response); });
  s.established = true;
  ++established;
  return s.message4;
}

}  // namespace storm
