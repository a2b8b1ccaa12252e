// Ticket bags: what is written is read back, and what is wrong is refused by name.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "tools/storm/ticket_bag.h"

namespace storm {
namespace {

using Octets = std::vector<std::uint8_t>;

class TicketBagFile : public testing::Test {
 protected:
  TicketBagFile() {
    std::string name = (std::filesystem::temp_directory_path() / "bag-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    path_ = (folder_ / "tickets").string();
  }
  ~TicketBagFile() override { std::filesystem::remove_all(folder_); }

  Credential credential(unsigned number) {
    Credential c;
    if (number % 3 == 1) {
      c.suite = {.encr = ike::EncrId::aes_cbc,
                 .key_bits = 256,
                 .prf = ike::PrfId::hmac_sha2_512,
                 .integ = ike::IntegId::hmac_sha2_512_256,
                 .ke = ike::KeId::none};
    }
    c.spi_i = ike::IkeSpi(0x1111000000000000u + number);
    c.spi_r = ike::IkeSpi(0x2222000000000000u + number);
    c.expires_s = 1'900'000'000u + number;
    c.has_ip4 = number % 2 == 0;
    c.has_ip6 = number % 5 == 0;
    if (c.has_ip4) c.ip4 = {10, 0, 0, static_cast<std::uint8_t>(number)};
    if (c.has_ip6) c.ip6 = {0x20, 1, 0xd, 0xb8, static_cast<std::uint8_t>(number)};
    sk_d_.assign(ike::prf_len(c.suite), static_cast<std::uint8_t>(number));
    id_i_.assign(5 + number % 20, 2);
    id_r_.assign(12, 2);
    ticket_.assign(100 + number, static_cast<std::uint8_t>(7 * number));
    c.sk_d = sk_d_;
    c.id_i = id_i_;
    c.id_r = id_r_;
    c.ticket = ticket_;
    return c;
  }

  void write_bag(unsigned count) {
    auto writer = TicketBagWriter::create(path_);
    ASSERT_TRUE(writer.has_value()) << writer.error().text;
    for (unsigned i = 0; i < count; ++i) ASSERT_TRUE(writer->add(credential(i)).has_value());
    ASSERT_TRUE(writer->commit(1'800'000'000).has_value());
  }

  // Writes a bag of three, changes its octets, and expects open() to name the file and `what`.
  void expect_refused(const std::function<void(Octets&)>& change, const std::string& what) {
    write_bag(3);
    std::ifstream in(path_, std::ios::binary);
    Octets octets((std::istreambuf_iterator<char>(in)), {});
    in.close();
    change(octets);
    std::ofstream out(path_, std::ios::binary | std::ios::trunc);
    for (const std::uint8_t octet : octets) out.put(static_cast<char>(octet));
    out.close();
    const auto bag = TicketBag::open(path_);
    ASSERT_FALSE(bag.has_value()) << what;
    EXPECT_NE(bag.error().text.find(path_), std::string::npos) << bag.error().text;
    EXPECT_NE(bag.error().text.find(what), std::string::npos) << bag.error().text;
  }

  std::filesystem::path folder_;
  std::string path_;
  Octets sk_d_, id_i_, id_r_, ticket_;
};

void expect_same(const Credential& a, const Credential& b) {
  EXPECT_EQ(a.suite, b.suite);
  EXPECT_EQ(a.spi_i, b.spi_i);
  EXPECT_EQ(a.spi_r, b.spi_r);
  EXPECT_EQ(a.expires_s, b.expires_s);
  EXPECT_EQ(a.has_ip4, b.has_ip4);
  EXPECT_EQ(a.has_ip6, b.has_ip6);
  EXPECT_EQ(a.ip4, b.ip4);
  EXPECT_EQ(a.ip6, b.ip6);
  EXPECT_TRUE(std::ranges::equal(a.sk_d, b.sk_d));
  EXPECT_TRUE(std::ranges::equal(a.id_i, b.id_i));
  EXPECT_TRUE(std::ranges::equal(a.id_r, b.id_r));
  EXPECT_TRUE(std::ranges::equal(a.ticket, b.ticket));
}

TEST_F(TicketBagFile, ReadsWhatWasWritten) {
  write_bag(40);
  const auto bag = TicketBag::open(path_);
  ASSERT_TRUE(bag.has_value()) << bag.error().text;
  ASSERT_EQ(bag->count(), 40u);
  for (unsigned i = 0; i < 40; ++i) {
    SCOPED_TRACE(i);
    expect_same(bag->at(i), credential(i));
  }
}

TEST_F(TicketBagFile, IsReadableByItsOwnerAlone) {
  write_bag(1);
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
  ASSERT_EQ(chmod(path_.c_str(), 0640), 0);
  const auto bag = TicketBag::open(path_);
  ASSERT_FALSE(bag.has_value());
  EXPECT_NE(bag.error().text.find("0600"), std::string::npos);
}

TEST_F(TicketBagFile, AppearsOnlyWhenCommitted) {
  {
    auto writer = TicketBagWriter::create(path_);
    ASSERT_TRUE(writer.has_value());
    ASSERT_TRUE(writer->add(credential(0)).has_value());
    EXPECT_FALSE(std::filesystem::exists(path_));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(TicketBagFile, WriterRefusesWhatAReaderWould) {
  auto writer = TicketBagWriter::create(path_);
  ASSERT_TRUE(writer.has_value());
  Credential c = credential(0);
  c.sk_d = c.sk_d.first(31);
  EXPECT_FALSE(writer->add(c).has_value());
  c = credential(0);
  c.ticket = {};
  EXPECT_FALSE(writer->add(c).has_value());
  const Octets long_ticket(ike::kTicketLenMax + 1);
  c.ticket = long_ticket;
  EXPECT_FALSE(writer->add(c).has_value());
  c = credential(0);
  c.id_r = {};
  EXPECT_FALSE(writer->add(c).has_value());
  c = credential(0);
  c.suite.key_bits = 192;
  EXPECT_FALSE(writer->add(c).has_value());
  EXPECT_EQ(writer->count(), 0u);
}

TEST_F(TicketBagFile, NamesAFileThatIsNotThere) {
  const auto bag = TicketBag::open(path_);
  ASSERT_FALSE(bag.has_value());
  EXPECT_NE(bag.error().text.find("cannot be opened"), std::string::npos);
}

TEST_F(TicketBagFile, RefusesAWrongHeader) {
  expect_refused([](Octets& o) { o.resize(40); }, "shorter than the header");
  expect_refused([](Octets& o) { o[0] = 'X'; }, "not a ticket bag");
  expect_refused([](Octets& o) { o[11] = 2; }, "version 2, expected 1");
  expect_refused([](Octets& o) { o.pop_back(); }, "its header says");
  expect_refused([](Octets& o) { crypto::store_be64(o.data() + 16, 0); }, "number of records");
  expect_refused([](Octets& o) { crypto::store_be64(o.data() + 16, 1u << 30); },
                 "number of records");
  expect_refused([](Octets& o) { crypto::store_be64(o.data() + 16, 2); }, "behind the last record");
  expect_refused([](Octets& o) { crypto::store_be64(o.data() + 16, 4); }, "record 3");
}

TEST_F(TicketBagFile, RefusesAWrongRecord) {
  constexpr std::size_t kFirst = 64;
  expect_refused([](Octets& o) { crypto::store_be32(&o[kFirst], 0); }, "wrong record length");
  expect_refused([](Octets& o) { crypto::store_be32(&o[kFirst], 75); }, "wrong record length");
  expect_refused([](Octets& o) { crypto::store_be32(&o[kFirst], 0xfffffff8); },
                 "wrong record length");
  expect_refused([](Octets& o) { o[kFirst + 5] = 99; }, "suite is not supported");
  expect_refused([](Octets& o) { o[kFirst + 14] = 255; }, "do not fit the record");
  expect_refused([](Octets& o) { o[kFirst + 14] = 31; }, "not the length of the PRF");
  expect_refused([](Octets& o) { o[kFirst + 15] = 4; }, "do not fit the record");
  expect_refused([](Octets& o) { crypto::store_be16(&o[kFirst + 44], 60000); },
                 "do not fit the record");
  expect_refused([](Octets& o) { crypto::store_be16(&o[kFirst + 64], 0); },
                 "do not fit the record");
}

}  // namespace
}  // namespace storm
