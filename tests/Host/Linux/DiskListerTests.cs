using Cstor.Engine.Host.Linux;
using Xunit;

namespace Cstor.Tests.Host.Linux;

public sealed class DiskListerTests
{
    [Theory]
    [InlineData("\0\u0080\0\u0014      WD-WX12A345678  ", "WD-WX12A345678")]
    [InlineData("\0\u0080\0\u0004S1\u0001\uFFFD2", "S12")]
    [InlineData("\0\u0080\0\0", "")]
    [InlineData("", "")]
    public void A_serial_number_page_is_read_without_its_header_and_its_spaces(string page, string serial) =>
        Assert.Equal(serial, DiskLister.SerialOfPage(page));
}
