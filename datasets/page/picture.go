package page
func (l *layout) pictures(p *Page, b *base, root int32, card string) {}
