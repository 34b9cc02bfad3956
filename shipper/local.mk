# shipper
