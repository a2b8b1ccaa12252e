// The scalar responder's exchanges.
#include "tests/tools/storm_responder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "ike/proposal.h"
#include "ike/sk_payload.h"

namespace storm {
namespace {

constexpr std::size_t kMessageMax = 2048;

Octets octets(crypto::Bytes b) { return {b.begin(), b.end()}; }

}  // namespace

BagFixture::BagFixture(unsigned clients, const std::vector<ike::Suite>& suites) {
  folder = (std::filesystem::temp_directory_path() / "storm-XXXXXX").string();
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/tickets";
  auto writer = TicketBagWriter::create(path);
  EXPECT_TRUE(writer.has_value());
  for (unsigned i = 0; i < clients; ++i) {
    Credential c;
    c.suite = suites[i % suites.size()];
    c.spi_i = ike::IkeSpi(i + 1);
    c.spi_r = ike::IkeSpi(i + 1);
    c.has_ip4 = true;
    c.ip4 = {10, 9, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)};
    c.has_ip6 = i % 2 == 1;
    if (c.has_ip6)
      c.ip6 = {0xfd, 9, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)};
    const Octets sk_d(ike::prf_len(c.suite), static_cast<std::uint8_t>(i * 31 + 7));
    Octets id_i = {2, 0, 0, 0};
    for (const char octet : fmt::format("client{}", i))
      id_i.push_back(static_cast<std::uint8_t>(octet));
    const Octets id_r = {2, 0, 0, 0, 'g', 'w'};
    Octets ticket(150, 0xab);
    crypto::store_be32(ticket.data(), i);
    c.sk_d = sk_d;
    c.id_i = id_i;
    c.id_r = id_r;
    c.ticket = ticket;
    EXPECT_TRUE(writer->add(c).has_value());
  }
  EXPECT_TRUE(writer->commit(1).has_value());
  auto opened = TicketBag::open(path);
  EXPECT_TRUE(opened.has_value());
  bag = std::make_unique<TicketBag>(std::move(*opened));
}

BagFixture::~BagFixture() { std::filesystem::remove_all(folder); }

ScalarResponder::ScalarResponder(const TicketBag& bag)
    : bag_(bag), engine_(crypto::make_ossl_engine()) {}

Octets ScalarResponder::answer(crypto::Bytes message) {
  ike::Header header;
  EXPECT_EQ(ike::parse_header(message, header), ike::ParseError::none);
  if (header.exchange == ike::Exchange::ike_session_resume) return answer_resume(message);
  if (header.exchange == ike::Exchange::ike_auth) return answer_auth(message, header);
  EXPECT_EQ(header.exchange, ike::Exchange::informational);
  return answer_dpd(message, header);
}

Octets ScalarResponder::answer_resume(crypto::Bytes message) {
  ike::ResumeRequest request;
  ike::PayloadType offending{};
  EXPECT_EQ(ike::parse_resume_request(message, request, offending), ike::ParseError::none);
  Octets out(kMessageMax);
  if (demand_cookies && !request.has_cookie) {
    ++challenges;
    const Octets cookie(20, 0xc0);
    out.resize(
        ike::write_cookie_challenge(request.spi_i, ike::Exchange::ike_session_resume, cookie, out));
    return out;
  }
  const std::uint32_t record = crypto::load_be32(request.ticket.data());
  if (nack_all || record >= bag_.count()) {
    out.resize(ike::write_ticket_nack(request.spi_i, out));
    return out;
  }
  Session& s = sessions_[request.spi_i.value()];
  if (!s.message2.empty() && std::ranges::equal(s.message1, message)) return s.message2;
  if (request.fragmentation_supported) ++fragmentation_announced;
  s.message1 = octets(message);
  s.credential = bag_.at(record);
  s.nonce_i = octets(request.nonce);
  s.nonce_r.assign(40, static_cast<std::uint8_t>(next_spi_));
  s.spi_i = request.spi_i;
  s.spi_r = ike::IkeSpi(next_spi_++);
  out.resize(ike::write_resume_response({.spi_i = s.spi_i,
                                         .spi_r = s.spi_r,
                                         .nonce = s.nonce_r,
                                         .nat_source = {},
                                         .nat_destination = {},
                                         .fragmentation_supported = false},
                                        out));
  s.message2 = out;
  s.keymat.resize(ike::ike_keymat_len(s.credential.suite));
  ike::derive_resumed_keys(*engine_, s.credential.suite, s.credential.sk_d, s.nonce_i, s.nonce_r,
                           s.spi_i, s.spi_r, s.keymat);
  s.child_keymat.resize(ike::child_keymat_len(child_suite));
  ike::derive_child_keys(*engine_, s.credential.suite, s.keys().sk_d, s.nonce_i, s.nonce_r,
                         s.child_keymat);
  return out;
}

bool ScalarResponder::open(const Session& s, crypto::Bytes message, const ike::Header& header,
                           Octets& plaintext, crypto::Bytes& inner, ike::PayloadType& first) {
  ike::SkView sk;
  EXPECT_EQ(ike::find_sk(message, header, s.credential.suite, sk), ike::ParseError::none);
  plaintext.resize(sk.ciphertext.size());
  first = sk.first_inner;
  return ike::open_sk(*engine_, s.credential.suite, s.keys().sk_ei, s.keys().sk_ai, sk,
                      plaintext.data()) &&
         ike::strip_padding(plaintext, inner) == ike::ParseError::none;
}

Octets ScalarResponder::seal(const Session& s, ike::Exchange exchange, std::uint32_t message_id,
                             const std::function<void(ike::ChainBuilder&)>& write) {
  ike::Header header;
  header.spi_i = s.spi_i;
  header.spi_r = s.spi_r;
  header.exchange = exchange;
  header.flags = ike::kFlagResponse;
  header.message_id = ike::MessageId(message_id);
  Octets out(kMessageMax);
  ike::SkBuilder builder(out, header, s.credential.suite);
  write(builder.chain());
  const Octets iv(ike::iv_len(s.credential.suite), static_cast<std::uint8_t>(message_id));
  out.resize(builder.finish(iv));
  EXPECT_FALSE(out.empty());
  ike::seal_sk(*engine_, s.credential.suite, s.keys().sk_er, s.keys().sk_ar, out);
  return out;
}

Octets ScalarResponder::answer_auth(crypto::Bytes message, const ike::Header& header) {
  const auto found = sessions_.find(header.spi_i.value());
  if (found == sessions_.end()) return {};
  Session& s = found->second;
  if (s.established) return s.message4;
  Octets plaintext;
  crypto::Bytes inner;
  ike::PayloadType first{}, offending{};
  if (!open(s, message, header, plaintext, inner, first)) return {};
  ike::AuthRequest request;
  EXPECT_EQ(ike::parse_auth_request(first, inner, request, offending), ike::ParseError::none);
  EXPECT_TRUE(std::ranges::equal(request.id_i.body, s.credential.id_i));
  const crypto::Prf prf = ike::prf_of(s.credential.suite.prf);
  Octets expected(crypto::prf_len(prf));
  ike::auth_value(*engine_, prf, form, s.keys().sk_pi, s.message1, s.nonce_r, request.id_i.body,
                  expected.data());
  const bool right = std::ranges::equal(request.auth.data, expected);
  if (!right) ++auth_wrong;
  if (!right || refuse_auth)
    return seal(s, ike::Exchange::ike_auth, 1,
                [](ike::ChainBuilder& chain) { chain.notify(ike::Notify::authentication_failed); });

  ike::Choice choice;
  EXPECT_TRUE(ike::choose(request.sa, ike::Protocol::esp, {&child_suite, 1}, choice));
  s.child_spi_i = ike::EspSpi(crypto::load_be32(choice.spi.data()));
  s.child_spi_r = ike::EspSpi(0x1000 + static_cast<std::uint32_t>(s.spi_r.value() & 0xfff));
  Octets auth(crypto::prf_len(prf));
  ike::auth_value(*engine_, prf, form, s.keys().sk_pr, s.message2, s.nonce_i, s.credential.id_r,
                  auth.data());
  Octets ticket(60, 0x77);
  crypto::store_be64(ticket.data(), s.spi_i.value());
  ike::AuthResponse response;
  response.id_r_body = s.credential.id_r;
  response.auth = auth;
  response.has_config = request.has_config;
  response.config.has_ip4 = request.config.wants_ip4;
  response.config.ip4 = request.config.ip4_wish;
  response.config.has_ip6 = request.config.wants_ip6;
  response.config.ip6 = request.config.ip6_wish;
  response.child_suite = child_suite;
  response.child_spi = s.child_spi_r;
  response.ts_i = &request.ts_i;
  response.ts_r = &request.ts_r;
  if (request.ticket_request) response.ticket = ticket;
  response.ticket_lifetime_s = 3600;
  if (before_message4) before_message4(response);
  s.message4 = seal(s, ike::Exchange::ike_auth, 1,
                    [&](ike::ChainBuilder& chain) { ike::write_auth_response(chain, response); });
  s.established = true;
  ++established;
  return s.message4;
}

Octets ScalarResponder::answer_dpd(crypto::Bytes message, const ike::Header& header) {
  const auto found = sessions_.find(header.spi_i.value());
  if (found == sessions_.end() || !found->second.established) return {};
  Session& s = found->second;
  Octets plaintext;
  crypto::Bytes inner;
  ike::PayloadType first{};
  EXPECT_EQ(header.message_id, ike::MessageId(2));
  if (!open(s, message, header, plaintext, inner, first) || !inner.empty()) return {};
  return seal(s, ike::Exchange::informational, 2, [](ike::ChainBuilder&) {});
}

}  // namespace storm
